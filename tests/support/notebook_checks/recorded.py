"""What each notebook promises to be checked by, on record: a looser check shows in a commit, not only in a cell.

`make promises` writes the record anew, after a change that is meant.
"""

import ast
import hashlib
import json
from collections import Counter
from pathlib import Path

from helpers.files import write_whole

from .stored import check

RECORD = Path(__file__).with_name("recorded.json")
NOTEBOOKS = Path(__file__).resolve().parents[3] / "notebooks"


@check
def promises(notebook):
    """Tolerances, assertions, what is ignored and what is said of a claim are those on record."""
    recorded = json.loads(RECORD.read_text(encoding="utf-8")).get(notebook.path.stem)
    if recorded is None:
        return
    found = list_promises(notebook.cells)
    for kind in ("cells", "claims"):
        for name in sorted(found[kind].keys() | recorded[kind].keys()):
            now, before = found[kind].get(name, "nothing"), recorded[kind].get(name, "nothing")
            if now != before:
                what = f"the cell {name} is checked by {now}" if kind == "cells" else f"what is said of {name} is {now}"
                yield f"{what}, on record is {before}: if that is meant, run `make promises`"


def list_promises(cells) -> dict[str, dict]:
    """Return by cell its settings, its assertions and whether it is ignored; by claim the digest of what is said of it.

    A cell is called by its tags and, of those with the same ones, its number; cells that promise nothing more than the
    defaults are left out. What is said of a claim is the prose after each of its cells.
    """
    promises, seen, said = {}, Counter(), {}
    for number, cell in enumerate(cells):
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code":
            for tag in {
                tag for tag in cells[number - 1].metadata.get("tags", []) if number and tag.startswith("claim-")
            }:
                said[tag] = said.get(tag, "") + cell.source
            continue
        label = " ".join(tags) or "untagged"
        seen[label] += 1
        promise = {name: value for name, value in cell.metadata.get("nbval", {}).items() if name != "timeout"}
        if asserts := count_asserts(cell.source):
            promise["asserts"] = asserts
        if "nbval-ignore-output" in tags:
            promise["ignored"] = True
        if promise:
            promises[f"{label}, {seen[label]}"] = promise
    digests = {tag: hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:12] for tag, text in said.items()}
    return {"cells": promises, "claims": dict(sorted(digests.items()))}


def count_asserts(source: str) -> int:
    """Return how many assertions are in a source; 0 if it is no Python, which shows when it runs."""
    try:
        return sum(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(source)))
    except SyntaxError:
        return 0


def main():
    """Write the record of all notebooks."""
    import nbformat

    notebooks = sorted([*NOTEBOOKS.glob("9_*.ipynb"), *NOTEBOOKS.glob("exercises/9_*_solutions.ipynb")])
    record = {path.stem: list_promises(nbformat.read(path, as_version=4).cells) for path in notebooks}
    with write_whole(RECORD) as draft:
        draft.write_text(json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
