"""What a planted fault is, and how it is judged whether the checks catch it."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from project_copy import ProjectCopy, run_pytest

SEGMENTATION = "9_2_image_segmentation"


@dataclass(frozen=True)
class Mutant:
    """A fault, and how it is to be caught."""

    name: str
    plant: Callable[[ProjectCopy], None]
    says: str | None  # a regular expression for the first failure; None for what must pass
    run: tuple = (f"notebooks/{SEGMENTATION}.ipynb",)  # the arguments of pytest
    environment: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What came of a mutant."""

    right: bool
    told: str  # the first line of the first failure
    seconds: float
    text: str  # all that pytest printed


def judge(mutant, folder):
    """Break a copy of the project in an empty folder, run the checks there, and return the Verdict."""
    started = time.monotonic()
    project = ProjectCopy(folder)
    try:
        mutant.plant(project)
    except LookupError as error:
        return Verdict(False, str(error), time.monotonic() - started, "")
    run = run_pytest(project.folder, "-x", *mutant.run, **mutant.environment)
    failure = run.failures[0] if run.failures else ""
    if mutant.says is None:
        right = run.status == 0
        told = failure or "passed"
    else:
        right = run.status == 1 and bool(re.search(mutant.says, failure, re.DOTALL))
        told = failure or "ESCAPED"
    return Verdict(right, find_reason(told), time.monotonic() - started, run.text)


def find_reason(failure):
    """Return the line that says why: of a test's traceback the longer of the two that blame, else the first."""
    blamed = [line[1:].strip() for line in failure.splitlines() if line.startswith("E  ")]
    return max(blamed[:2], key=len) if blamed else failure.partition("\n")[0]
