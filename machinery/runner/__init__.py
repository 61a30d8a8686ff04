"""Executes the notebooks: chooses them, runs each in a kernel of its own, stores its outputs, makes its page."""
