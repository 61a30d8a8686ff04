"""Stores what a run made: texts whole, and the notebook to commit without a trace of the run."""

import copy
import hashlib
from pathlib import Path

import jupytext
from nbformat import NotebookNode

from helpers.files import write_whole


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with write_whole(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")


def keep_outputs(lesson: NotebookNode, executed: NotebookNode) -> str:
    """Return the text of the notebook to commit: the cells of a lesson with the outputs of its run.

    What differs from run to run or machine to machine is left out: times, standard error (logs with paths and
    times), the version of Python.
    """
    notebook = copy.deepcopy(lesson)
    for cell, done in zip(notebook.cells, executed.cells, strict=True):
        if cell.cell_type == "code":
            cell.execution_count = done.execution_count
            cell.outputs = [output for output in done.outputs if output.get("name") != "stderr"]
    return format_notebook(notebook)


def format_notebook(notebook: NotebookNode) -> str:
    """Return the text of a notebook; a cell's id becomes a digest of its source, so it moves with the cell."""
    seen = []
    for cell in notebook.cells:
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        seen.append(digest)
        cell.id = f"{digest}-{seen.count(digest)}"
    notebook.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata.language_info = {"name": "python"}
    return jupytext.writes(notebook, fmt="ipynb") + "\n"
