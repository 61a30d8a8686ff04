"""Prepares a notebook for the web: what Sphinx would lose is kept, what a reader can do without is folded."""

import ast
import copy

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

OF_THE_BOOK = ("listing-", "step-", "figure-", "claim-")


def prepare_notebook(notebook: NotebookNode, note: str = "") -> NotebookNode:
    """Return a copy for the web.

    Pictures keep their alternative texts, cells of the book can be linked to (`#listing-9-8`), cells that only draw are
    folded, and under the title stands a note, in Markdown.
    """
    prepared = copy.deepcopy(notebook)
    prepared.cells, known = [], set()
    for cell in copy.deepcopy(notebook.cells):
        if cell.cell_type == "code":
            if labels := [label for label in list_labels(cell) if label not in known]:  # a link leads to the first
                known.update(labels)
                prepared.cells.append(new_markdown_cell("\n".join(f"({label})=" for label in labels)))
            keep_alternative_text(cell)
            if only_draws(cell):
                cell.metadata.setdefault("tags", []).append("hide-input")
        elif note and cell.source.startswith("# "):
            title, _, rest = cell.source.partition("\n")
            cell.source, note = f"{title}\n\n{note}\n{rest}", ""
        prepared.cells.append(cell)
    return prepared


def list_labels(cell: NotebookNode) -> list[str]:
    """Return the tags by which a cell is known in the book: `listing-9.8`."""
    return [tag for tag in cell.metadata.get("tags", []) if tag.startswith(OF_THE_BOOK)]


def keep_alternative_text(cell: NotebookNode) -> None:
    """Copy a picture's alternative text from its output, its place in Jupyter, to the cell, where MyST-NB reads it."""
    for output in cell.outputs:
        for metadata in output.get("metadata", {}).values():
            if "alt" in metadata:
                cell.metadata["mystnb"] = {"image": {"alt": metadata["alt"]}}


def only_draws(cell: NotebookNode) -> bool:
    """Tell whether a cell does no more than draw: it begins with a figure, and is no listing or step of the book."""
    if any(label.startswith(("listing-", "step-")) for label in list_labels(cell)):
        return False
    try:
        first = next(iter(ast.parse(cell.source).body), None)
    except SyntaxError:
        return False
    names = {node.id for node in ast.walk(first) if isinstance(node, ast.Name)} if first else set()
    return isinstance(first, ast.Assign) and "fig" in names
