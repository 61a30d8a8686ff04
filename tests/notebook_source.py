"""Definitions taken from a notebook's text source, so that tests check what the reader sees and no copy of it."""

import jupytext

from helpers.lessons import NOTEBOOKS

STEMS = sorted(path.stem for path in NOTEBOOKS.glob("[0-9]*.py"))


def read_notebook(stem):
    """Return the notebook whose text source is `notebooks/STEM.py`."""
    return jupytext.read(NOTEBOOKS / f"{stem}.py")


def find_cells(stem, tag):
    """Return the sources of the code cells with a tag."""
    return [cell.source for cell in read_notebook(stem).cells if tag in cell.metadata.get("tags", [])]


def find_solutions(stem):
    """Return the code of the folded solutions, in order."""
    parts = [cell.source for cell in read_notebook(stem).cells if cell.cell_type == "markdown"]
    blocks = "\n".join(parts).split("```python\n")[1:]
    return [block.split("```")[0] for block in blocks]


def run_cells(stem, namespace, *tags):
    """Execute the cells with these tags in a copy of a namespace, and return it."""
    namespace = dict(namespace)
    for tag in tags:
        for source in find_cells(stem, tag):
            exec(source, namespace)
    return namespace
