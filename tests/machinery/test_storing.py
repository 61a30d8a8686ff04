"""The notebook to commit: two runs with --store."""

import jupytext
import nbformat
import pytest

from small_notebooks import LESSON, run_command, write_notebooks


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """The stored notebook after each run, and the executed one."""
    base = tmp_path_factory.mktemp("stored")
    path = write_notebooks(base / "notebooks", {"9_1_shapes": LESSON}) / "9_1_shapes.ipynb"
    texts = []
    for _ in range(2):
        assert run_command(base, "--store") == 0
        texts.append(path.read_text(encoding="utf-8"))
    return [*texts, (base / "build/notebooks" / path.name).read_text(encoding="utf-8")]


@pytest.fixture
def stored(texts):
    return nbformat.reads(texts[0], as_version=4)


def test_stored_cells_are_those_of_the_text(stored):
    source = jupytext.reads(LESSON, fmt="py:percent")
    assert [(c.cell_type, c.source) for c in stored.cells] == [(c.cell_type, c.source) for c in source.cells]
    body = jupytext.writes(stored, fmt="py:percent").partition("# ---\n\n")[2]
    assert body == LESSON.partition("# ---\n\n")[2]
    nbformat.validate(stored)
    assert len({cell.id for cell in stored.cells}) == len(stored.cells)


def test_stored_outputs_are_those_of_the_run(stored):
    assert "PROFILE='sample' SHAPE=(1, 2)" in stored.cells[3].outputs[0].text
    assert [cell.execution_count for cell in stored.cells[1:]] == [1, 2, 3, 4]
    assert stored.cells[4].outputs[0].metadata["image/png"].alt == 'one "dot"'


def test_stored_notebook_has_no_trace_of_the_run(texts, stored):
    first, second, executed = texts
    assert first == second
    assert stored.metadata.kernelspec.name == "python3"
    assert stored.metadata.language_info == {"name": "python"}
    for word in ("papermill", "start_time", '"stderr"', "pygments_lexer"):
        assert word not in first
        assert word in executed  # else the line above says nothing
    assert "text_representation" not in first


SOLVED = """\
# %% tags=["solution"]
def one():
    \'\'\'Return 1.\'\'\'
    return 1


# %%
import os

print(one(), os.path.basename(os.getcwd()))

# %% [markdown] tags=["solution"]
# It is 1.
"""


def test_exercises_are_stored_solved_and_without_their_solutions(tmp_path):
    folder = write_notebooks(write_notebooks(tmp_path / "notebooks", {}) / "exercises", {"9_1_solutions": SOLVED})
    assert run_command(tmp_path, "--store") == 0
    solved, exercises = (
        nbformat.read(folder / f"9_1_{name}.ipynb", as_version=4).cells for name in ("solutions", "exercises")
    )
    assert [cell.cell_type for cell in solved] == ["code", "code", "markdown"]
    assert solved[1].outputs[0].text == "1 exercises\n"
    assert [cell.source for cell in exercises] == [
        "def one():\n    '''Return 1.'''\n    ...  # your code here",
        solved[1].source,
    ]
    assert not any(cell.outputs for cell in exercises)
