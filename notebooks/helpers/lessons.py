"""What one notebook takes from another: a definition stays in the lesson that teaches it."""

import ast
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from .knobs import find_knobs

NOTEBOOKS = Path(__file__).resolve().parents[1]


def find_source(stem: str, folder: Path = NOTEBOOKS) -> Path:
    """Return the path of a notebook's text source or, if it has none, of its `.ipynb`."""
    text = folder / f"{stem}.py"
    return text if text.exists() else text.with_suffix(".ipynb")


def read_lesson(stem: str, folder: Path = NOTEBOOKS):
    """Return a notebook as nbformat's NotebookNode."""
    import jupytext  # here, for it takes a second

    return jupytext.read(find_source(stem, folder))


def is_tagged(cell, tag: str) -> bool:
    """Tell whether a cell has a tag."""
    return tag in cell.metadata.get("tags", [])


def load_lesson(stem: str, run: Sequence[str] = (), **knobs) -> ModuleType:
    """Execute the imports, the knobs, the functions and the classes of a notebook, then the cells with some tags.

    Args:
        stem: name of the notebook, without its suffix.
        run: tags, for instance `("setup", "step-9.3-4")`; their cells run as a whole, in this order.
        **knobs: values instead of those in the cell `parameters`; the others are those of the text source, `STEM.py`,
            whatever may have been changed in an open notebook.

    Returns:
        A module: `lesson.build_mini_xception`.

    Raises:
        LookupError: no cell has one of the tags, or there is no such knob.
    """
    cells = [cell for cell in read_lesson(stem).cells if cell.cell_type == "code"]

    def join_cells(tag):
        chosen = [cell.source for cell in cells if is_tagged(cell, tag)]
        if not chosen:
            raise LookupError(f"{stem} has no cell tagged {tag}")
        return "\n".join(chosen)

    parameters = join_cells("parameters")
    declared = find_knobs(parameters)
    if unknown := knobs.keys() - declared.keys():
        raise LookupError(f"{stem} has no knob {', '.join(sorted(unknown))}")
    given = {declared[name].lineno for name in knobs}
    defined = [node for node in ast.parse(parameters).body if node.lineno not in given]
    defined += [node for cell in cells for node in ast.parse(cell.source).body if _defines(node)]
    lesson = ModuleType(stem)
    vars(lesson).update(knobs)
    for body in (defined, *(ast.parse(join_cells(tag)).body for tag in run)):
        exec(compile(ast.Module(body, type_ignores=[]), f"{stem}.py", "exec"), vars(lesson))
    return lesson


def _defines(node: ast.stmt) -> bool:
    """Tell whether a statement is an import or a definition."""
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)
