"""What nbgrader has to know to grade this course's exercises; `make assignment` copies it into the folder grading."""

import os

c = get_config()  # noqa: F821, nbgrader defines it

c.CourseDirectory.course_id = "residual-networks"

# The answers are cut out before nbgrader sees them. Left on, this step would cut the stubs as well.
c.ClearSolutions.enabled = False

# A check ends by itself: after 5 seconds of computing, or 20 of waiting. This is for a cell that never ends outside
# of a check; it leaves room for the import of PyTorch on a busy machine.
c.Execute.timeout = 60

# What is solved here was not solved by the one who grades.
os.environ["D2LHELPERS_PROGRESS"] = os.devnull
