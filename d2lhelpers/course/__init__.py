"""What makes the pages a course: claims, exercises that know right from wrong, exhibits."""

from d2lhelpers.course.claim import ClaimError, claim
from d2lhelpers.course.exercise import check, hint, my_progress, solution
from d2lhelpers.course.exhibit import exhibit, exhibit_code

__all__ = ["ClaimError", "check", "claim", "exhibit", "exhibit_code", "hint", "my_progress", "solution"]
