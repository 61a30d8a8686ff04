"""Makes the reader's exercises out of the solved ones: what the reader is to write is taken out."""

import ast
import copy
from pathlib import Path

from nbformat import NotebookNode

from helpers.lessons import is_tagged

from .storing import format_notebook


def name_exercises(solved: Path) -> Path:
    """Return the file of the reader's notebook that belongs to a solved one: `9_2_exercises.ipynb`."""
    return solved.with_name(solved.name.replace("_solutions", "_exercises"))


def take_out_solutions(solved: NotebookNode) -> str:
    """Return the text of a notebook without outputs, and without what is tagged `solution`.

    Of code so tagged the heads of functions stay, of prose nothing.
    """
    notebook = copy.deepcopy(solved)
    notebook.cells = [
        cell for cell in notebook.cells if not (cell.cell_type == "markdown" and is_tagged(cell, "solution"))
    ]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = make_stubs(cell.source) if is_tagged(cell, "solution") else cell.source
            cell.outputs, cell.execution_count, cell.metadata = [], None, {}
    return format_notebook(notebook)


def make_stubs(source: str) -> str:
    """Return the functions of a cell with their docstrings, which say what to return, and without their bodies."""
    lines, stubs = source.splitlines(), []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            docstring = node.body[0]
            stubs.append("\n".join([*lines[node.lineno - 1 : docstring.end_lineno], "    ...  # your code here"]))
    return "\n\n\n".join(stubs)
