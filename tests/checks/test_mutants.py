"""The planted faults are caught; those that take long are `slow`."""

import pytest

from faults.engine import judge
from faults.tables import FAST, MUTANTS
from project_copy import ROOT, ProjectCopy


def all_mutants():
    """Return the mutants as parameters."""
    return [
        pytest.param(mutant, id=mutant.name.replace(" ", "-"), marks=() if mutant in FAST else pytest.mark.slow)
        for mutant in MUTANTS
    ]


@pytest.mark.parametrize("mutant", all_mutants())
def test_verdict_is_right(mutant, tmp_path):
    verdict = judge(mutant, tmp_path)
    assert verdict.right, f"expected {mutant.says or 'to pass'}, told {verdict.told}\n{verdict.text}"
    assert mutant not in FAST or verdict.seconds < 120  # a dead kernel is noticed long before its cell's 600 s are over


def test_names_are_unique():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_fault_that_no_longer_fits_is_an_error(tmp_path):
    project = ProjectCopy(tmp_path)
    with pytest.raises(LookupError, match=r"holds 'no such text' 0 times; expected once: adapt the planted fault"):
        project.edit_text("notebooks/helpers/pets.py", "no such text", "x")
    assert (tmp_path / "notebooks/helpers/pets.py").read_bytes() == (ROOT / "notebooks/helpers/pets.py").read_bytes()
