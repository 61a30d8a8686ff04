"""Planted faults: each breaks a copy of the project, and the checks must catch it, for the reason stated."""
