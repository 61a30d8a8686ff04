"""Definitions taken from a notebook's text source, so that tests check what the reader sees and no copy of it."""

import ast
from pathlib import Path

import jupytext

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
STEMS = sorted(path.stem for path in NOTEBOOKS.glob("[0-9]*.py"))


def read_notebook(stem):
    """Return the notebook whose text source is `notebooks/STEM.py`."""
    return jupytext.read(NOTEBOOKS / f"{stem}.py")


def load_definitions(stem):
    """Execute the imports and the functions and classes of a notebook, and nothing else.

    Args:
        stem: name of the notebook without its suffix.

    Returns:
        A dict of names to what they stand for.
    """
    kept = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
    cells = [cell.source for cell in read_notebook(stem).cells if cell.cell_type == "code"]
    nodes = [node for source in cells for node in ast.parse(source).body if isinstance(node, kept) or imports(node)]
    namespace = {"__name__": stem}
    exec(compile(ast.Module(nodes, type_ignores=[]), f"{stem}.py", "exec"), namespace)
    return namespace


def imports(node):
    """Tell whether a node is a `with` block around imports."""
    return isinstance(node, ast.With) and all(isinstance(inner, ast.Import | ast.ImportFrom) for inner in node.body)


def find_cells(stem, tag):
    """Return the sources of the code cells with a tag."""
    return [cell.source for cell in read_notebook(stem).cells if tag in cell.metadata.get("tags", [])]


def find_solutions(stem):
    """Return the code of the folded solutions, in order."""
    parts = [cell.source for cell in read_notebook(stem).cells if cell.cell_type == "markdown"]
    blocks = "\n".join(parts).split("```python\n")[1:]
    return [block.split("```")[0] for block in blocks]
