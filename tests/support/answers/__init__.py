"""Right and wrong answers to the exercises, to try their checks with."""
