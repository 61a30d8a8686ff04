"""Loads the notebook checks, so that plain `pytest` runs and compares every cell of every notebook."""

pytest_plugins = ["notebook_checks.plugin"]
