"""The reader's exercises are the solved ones without their solutions, and run as they are."""

import nbformat
import pytest

from helpers.lessons import NOTEBOOKS, read_lesson
from helpers.results import ROOT
from machinery.runner.executing import execute
from machinery.runner.exercises import make_stubs, name_exercises, take_out_solutions
from notebook_checks.plugin import OUT, borrow_folder

SOLVED = sorted((NOTEBOOKS / "exercises").glob("[0-9]*_solutions.py"))
SOURCE = '''
LIMIT = 3


# A helper.
def first(values):
    """Return the first of some values."""
    return values[0]


def second(values, places=(1, 2)):
    """Return the second of some values.

    They are numbers.
    """
    def inner():
        """Return nothing."""

    return values[places[0]]
'''
STUBS = '''def first(values):
    """Return the first of some values."""
    ...  # your code here


def second(values, places=(1, 2)):
    """Return the second of some values.

    They are numbers.
    """
    ...  # your code here'''


def test_stubs_keep_heads_and_docstrings():
    assert make_stubs(SOURCE) == STUBS


@pytest.mark.parametrize("path", SOLVED, ids=lambda path: path.stem)
def test_the_reader_s_notebook_is_in_step(path):
    stored = name_exercises(path.with_suffix(".ipynb")).read_text("utf-8")
    assert stored == take_out_solutions(read_lesson(path.stem)), "run `make outputs`"


@pytest.mark.parametrize("path", SOLVED, ids=lambda path: path.stem)
def test_the_reader_s_notebook_says_what_is_still_to_do(path, tmp_path, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    exercises = nbformat.read(name_exercises(path.with_suffix(".ipynb")), as_version=4)
    for cell in exercises.cells:  # the solved notebook trains networks of full size; here it is about the cells around
        if "\nEPOCHS = " in cell.source:
            cell.source += "\nFILTERS, EPOCHS, BATCH_SIZE, SEEDS = (2, 2, 2), 1, 200, (1,)"
    with borrow_folder(ROOT / OUT, path.stem) as folder:
        monkeypatch.setenv("BUILD", str(folder))
        assert execute(exercises, tmp_path / "done.ipynb", path.parent, timeout=1800) is None
    cells = [cell for cell in nbformat.read(tmp_path / "done.ipynb", as_version=4).cells if cell.cell_type == "code"]
    told = [cell.outputs[0].text for cell in cells if cell.source.startswith("done = check_")]
    assert len(told) == sum(
        "solution" in cell.metadata.get("tags", []) for cell in read_lesson(path.stem).cells if cell.cell_type == "code"
    )
    assert all(text.startswith("Not yet: ") and "returns nothing so far" in text for text in told)
