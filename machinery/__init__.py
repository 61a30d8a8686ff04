"""What runs, fetches, measures and builds the site: the commands in scripts/ are made of it; no lesson needs it."""
