"""The planted faults are caught."""

import re

import pytest

from faults import stored
from faults.engine import judge
from faults.tables import MUTANTS
from notebook_checks.plugin import CHECKS, Stored
from project_copy import ROOT, ProjectCopy


def all_of(mutants):
    """Return mutants as parameters."""
    return [pytest.param(mutant, id=mutant.name.replace(" ", "-")) for mutant in mutants]


@pytest.mark.slow
@pytest.mark.parametrize("mutant", all_of(MUTANTS))
def test_verdict_is_right(mutant, tmp_path):
    verdict = judge(mutant, tmp_path)
    assert verdict.right, f"expected {mutant.says or 'to pass'}, told {verdict.told}\n{verdict.text}"


@pytest.mark.parametrize("mutant", all_of(stored.MUTANTS))
def test_what_is_stored_wrong_is_told(mutant, tmp_path):
    mutant.plant(ProjectCopy(tmp_path, ["notebooks"]))
    (notebook,) = mutant.run
    complaints = ["\n".join(check(Stored(tmp_path / notebook))) for check in CHECKS.values()]
    assert re.search(mutant.says, next(filter(None, complaints), ""), re.DOTALL)


def test_one_of_them_is_told_by_pytest(tmp_path):
    assert judge(stored.MUTANTS[0], tmp_path).right


def test_names_are_unique():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_fault_that_no_longer_fits_is_an_error(tmp_path):
    project = ProjectCopy(tmp_path)
    with pytest.raises(LookupError, match=r"holds 'no such text' 0 times; expected once: adapt the planted fault"):
        project.edit_text("notebooks/helpers/pets.py", "no such text", "x")
    assert (tmp_path / "notebooks/helpers/pets.py").read_bytes() == (ROOT / "notebooks/helpers/pets.py").read_bytes()
