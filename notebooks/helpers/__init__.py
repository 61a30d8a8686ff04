"""What the notebooks share but do not teach: files, pictures, plots, results."""
