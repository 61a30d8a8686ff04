"""What runs, fetches and measures: the commands in scripts/ are made of it; no lesson needs it."""
