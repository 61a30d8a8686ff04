"""Writes the index from the book to the companion: each listing, step, figure and claim with its cell and its check.

All of it is found: the cells by their tags, the checks by what a cell says of itself and by the tests that name a
claim. The claims that `make claims` compares are handed over.
"""

import ast
import re
from collections.abc import Sequence

import nbformat

from .gathering import ROOT, list_notebooks
from .preparing import list_labels

KINDS = {"listing": "Listing", "step": "Step", "figure": "Figure", "claim": "Claim"}
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
TEST = re.compile(r"^def (test_\w+)\(.*\):.*#.*?(C-\d+.*)$", re.MULTILINE)


def write_index(of_scale: Sequence[tuple[str, str, str]] = ()) -> str:
    """Return the page, in MyST's Markdown.

    Args:
        of_scale: claims that need the book's scale, each as its number ("C-5"), the section whose notebook writes the
            result ("9_2"), and what the book says.
    """
    lines = ["# From the book to the companion", "", INTRODUCTION, ""]
    tests = find_tests()
    for place in list_notebooks():
        notebook = nbformat.read(ROOT / place, as_version=4)
        rows, claims, seen, under = [], {}, set(), ""
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                under = (HEADING.findall(cell.source) or [under])[-1]
                continue
            for label in list_labels(cell):
                link = f"[{name_label(label)}](#{label})"
                if re.fullmatch(r"claim-\d+", label):
                    claims.setdefault(label, (link, under, []))[2].append(describe_check(cell))
                elif label not in seen and not label.startswith("claim-"):
                    rows.append(f"| {link} | {under} | {describe_check(cell)} |")
                seen.add(label)
        for label, (link, section, checks) in claims.items():
            known = tests.get(label.replace("claim-", "C-"), [])
            rows.append(f"| {link} | {section} | {'; '.join([*dict.fromkeys(checks), *known])} |")
        for number, section, says in of_scale:
            if place.name.startswith(section) and place.parent.name == "notebooks":
                known = tests.get(number, [])
                rows.append(f"| Claim {number.removeprefix('C-')} | {says} | {'; '.join(['`make claims`', *known])} |")
        if rows:
            title = HEADING.search(notebook.cells[0].source)[1]
            lines += [f"## {title}", "", "| in the book | here, under | checked by |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


INTRODUCTION = """\
Listings and figures have the book's numbers. Steps, code without a number in the book, are counted here, and so are
its claims. A cell's output is compared with what is stored whenever the tests run: text to the letter, numbers within
a tolerance, figures by their pixels. Claims have a test of their own besides; those that need the book's scale are
compared by `make claims`."""


def name_label(label: str) -> str:
    """Return a tag as the book names it: "Listing 9.8"."""
    kind, _, number = label.partition("-")
    return f"{KINDS[kind]} {number}"


def find_tests() -> dict[str, list[str]]:
    """Return the tests that name a claim, as links in Markdown, by claim: "C-1"."""
    found = {}
    for path in sorted((ROOT / "tests" / "lessons").glob("test_*.py")):
        for name, claims in TEST.findall(path.read_text(encoding="utf-8")):
            for claim in re.findall(r"C-\d+", claims):
                words = name.removeprefix("test_").replace("_", " ")
                found.setdefault(claim, []).append(f"[{words}]({path.relative_to(ROOT).as_posix()})")
    return found


def describe_check(cell: nbformat.NotebookNode) -> str:
    """Return how a cell is checked, in words."""
    settings = cell.metadata.get("nbval", {})
    if "nbval-ignore-output" in cell.metadata.get("tags", []):
        return f"runs; its output is not compared ({settings.get('reason')})"
    figure = any("image/png" in output.get("data", {}) for output in cell.outputs)
    text = any(output.output_type == "stream" or "text/html" in output.get("data", {}) for output in cell.outputs)
    said = []
    if text:
        tolerance = settings.get("rtol", 1e-3)
        tolerance = tolerance.get("cpu", 1e-3) if isinstance(tolerance, dict) else tolerance
        said.append(f"its text; numbers within {100 * tolerance:g} %")
    if figure:
        said.append("its figure")
    if asserts := sum(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(cell.source))):
        said.append("its assertion" if asserts == 1 else f"its {asserts} assertions")
    return ", ".join(said) or "runs"
