"""The exercises of the course, one module for each notebook; the solutions are files beside them."""
