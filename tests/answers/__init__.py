"""Right and wrong answers to the exercises, one module for each notebook: what the checks are tested with."""
