"""What `scripts/benchmark.py` measures: the project's ways of working against those of the book."""
