"""What one notebook takes from another: a definition stays in the lesson that teaches it."""

import ast
from collections.abc import Sequence
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parents[1]


def load_lesson(stem: str, run: Sequence[str] = (), **knobs) -> dict:
    """Execute the imports, the knobs, the functions and the classes of a notebook, then the cells with some tags.

    Args:
        stem: name of the notebook, without its suffix.
        run: tags, for instance `("setup", "step-9.3-4")`; their cells run as a whole, in this order.
        **knobs: values instead of those in the cell `parameters`; the others are those of the text source, `STEM.py`,
            whatever may have been changed in an open notebook.

    Returns:
        A dict of names to what they stand for.

    Raises:
        LookupError: no cell has one of the tags, or there is no such knob.
    """
    import jupytext  # here, for it takes a second

    cells = [cell for cell in jupytext.read(NOTEBOOKS / f"{stem}.py").cells if cell.cell_type == "code"]

    def statements(tag):
        chosen = [cell.source for cell in cells if tag in cell.metadata.get("tags", [])]
        if not chosen:
            raise LookupError(f"{stem} has no cell tagged {tag}")
        return ast.parse("\n".join(chosen)).body

    if unknown := knobs.keys() - set(map(_target, statements("parameters"))):
        raise LookupError(f"{stem} has no knob {', '.join(sorted(unknown))}")
    kept = [node for node in statements("parameters") if _target(node) not in knobs]
    kept += [node for cell in cells for node in ast.parse(cell.source).body if _defines(node)]
    namespace = {"__name__": stem, **knobs}
    for nodes in (kept, *map(statements, run)):
        exec(compile(ast.Module(nodes, type_ignores=[]), f"{stem}.py", "exec"), namespace)
    return namespace


def _target(node: ast.stmt) -> str | None:
    """Return the name that a statement assigns to."""
    return ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else None


def _defines(node: ast.stmt) -> bool:
    """Tell whether a statement is an import or a definition."""
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)
