"""Checks of a notebook as it is stored, before anything runs: each yields complaints, none if all is well."""

import ast
import json
import re
import tomllib
from contextlib import suppress
from pathlib import Path

import jupytext
import nbformat

from helpers.knobs import find_knobs
from helpers.lessons import is_tagged

from . import DEFAULTS, is_ignored, reason
from .outputs import FIGURES, flatten

MAX_LINES = 30  # of a cell
MAX_KNOBS = 10  # in the cell `parameters`
MAX_IGNORED = 0.05  # share of a notebook's code cells that may be left uncompared; one always may
MACHINE_PATH = re.compile(r"(?<![\w.:/~}-])/(?:home|root|Users|work|opt|mnt|tmp|var|private)/\w\S*|\b[A-Z]:\\+\w\S*")
CHAPTER = tomllib.loads(Path(__file__).with_name("chapter.toml").read_text(encoding="utf-8"))

CHECKS = {}


class Stored:
    """A stored notebook."""

    def __init__(self, path):
        self.path = path
        self.cells = nbformat.read(path, as_version=4).cells
        self.code = [*enumerate((cell for cell in self.cells if cell.cell_type == "code"), 1)]
        self.outputs = [(f"cell {number}", *pair) for number, cell in self.code for pair in flatten(cell.outputs)]
        self.texts = [(where, kind, str(content)) for where, kind, content in self.outputs if kind not in FIGURES]


def check(function):
    """Register a check by its name."""
    CHECKS[function.__name__.replace("_", " ")] = function
    return function


@check
def in_step(notebook):
    """The cells are those of the text source."""
    source = notebook.path.with_suffix(".py")
    if not source.exists():
        return
    written = [(cell.cell_type, cell.source, dict(cell.metadata)) for cell in jupytext.read(source).cells]
    stored = [(cell.cell_type, cell.source, dict(cell.metadata)) for cell in notebook.cells]
    if written != stored:
        pairs = enumerate(zip(written, stored, strict=False), 1)
        number = next((number for number, pair in pairs if pair[0] != pair[1]), min(len(written), len(stored)) + 1)
        yield f"cell {number} of all is another one in {source.name}: run `make outputs`"


@check
def run_in_order(notebook):
    """The outputs are those of one run from top to bottom."""
    for number, cell in notebook.code:
        if cell.execution_count != number:
            yield f"cell {number} has the execution count {cell.execution_count}: run `make outputs`"


@check
def chapter_tags(notebook):
    """Every listing, step and figure of the section has its cell, in the book's order."""
    required = CHAPTER.get(notebook.path.stem, [])
    tags = [tag for _, cell in notebook.code for tag in cell.metadata.get("tags", [])]
    found = [tag for tag in dict.fromkeys(tags) if tag.startswith(("listing-", "step-", "figure-"))]
    if missing := [tag for tag in required if tag not in found]:
        yield f"no cell has the tag {', '.join(missing)}"
    elif required and [tag for tag in found if tag in required] != required:
        late = next(tag for tag, expected in zip(found, required, strict=False) if tag != expected)
        yield f"the cell tagged {late} is not in the book's order: {', '.join(required)}"
    if required and (unknown := [tag for tag in found if tag not in required]):
        yield f"the section has no {', '.join(unknown)}"


@check
def numbers_in_sight(notebook):
    """The first line of a cell names the listings, steps and figures of the book that it is."""
    for number, cell in notebook.code if notebook.path.stem in CHAPTER else ():
        line = cell.source.partition("\n")[0].lower()
        for tag in cell.metadata.get("tags", []):
            kind, _, name = tag.partition("-")
            if kind in ("listing", "step", "figure") and not re.search(
                rf"^# .*\b{kind} {re.escape(name)}(?![\w-])", line
            ):
                yield f"cell {number} is tagged {tag}; expected a first line like # {kind.title()} {name}"


@check
def few_knobs(notebook):
    """The cell of parameters has those knobs alone that a reader wants."""
    for number, cell in notebook.code:
        with suppress(SyntaxError):  # what is no Python fails when it runs
            if is_tagged(cell, "parameters") and len(knobs := find_knobs(cell.source)) > MAX_KNOBS:
                yield f"cell {number} has {len(knobs)} knobs, more than {MAX_KNOBS}: use cells tagged constants"


@check
def short_cells(notebook):
    """A cell fits on a screen."""
    for number, cell in notebook.code:
        if (lines := len(cell.source.splitlines())) > MAX_LINES:
            yield f"cell {number} has {lines} lines, more than {MAX_LINES}"


@check
def no_stderr(notebook):
    """Nothing was printed to standard error."""
    for where, kind, text in notebook.texts:
        if kind == "stderr":
            yield f"{where} has stored stderr: {text.strip()[:200]}"


@check
def no_machine_paths(notebook):
    """No output shows a path of the machine that made it."""
    for where, kind, text in notebook.texts:
        if found := MACHINE_PATH.search(text):
            yield f"{where} shows a path of one machine in its {kind}: {found[0]}"


@check
def no_addresses(notebook):
    """No output shows an object's address."""
    for where, kind, text in notebook.texts:
        if found := re.search(r"\S{1,90} at 0x[0-9a-f]+>", text):
            yield f"{where} shows an address, which differs at every run, in its {kind}: {found[0]}"


@check
def alt_texts(notebook):
    """Every figure says what it shows to those who cannot see it."""
    for number, cell in notebook.code:
        for output in cell.outputs:
            kinds = [kind for kind in output.get("data", {}) if kind.startswith("image/")]
            if kinds and not any(output.metadata.get(kind, {}).get("alt", "").strip() for kind in kinds):
                yield f"cell {number} has a figure without alt text: show it with helpers.plots.show"


@check
def known_settings(notebook):
    """The cells' settings are those that this plugin knows."""
    for number, cell in notebook.code:
        for name, value in cell.metadata.get("nbval", {}).items():
            if name not in (*DEFAULTS, "reason") or (isinstance(value, dict) and set(value) - {"cpu", "gpu"}):
                yield f"cell {number} has the unknown setting nbval={json.dumps({name: value})}"


@check
def reasons(notebook):
    """A cell that is not compared says why."""
    for number, cell in notebook.code:
        if is_ignored(cell) and not reason(cell):
            yield f'cell {number} is tagged nbval-ignore-output without nbval={{"reason": "..."}}'


@check
def few_ignored(notebook):
    """Nearly all cells are compared."""
    ignored = [number for number, cell in notebook.code if is_ignored(cell)]
    if len(ignored) > max(1, MAX_IGNORED * len(notebook.code)):
        yield f"{len(ignored)} of {len(notebook.code)} cells are ignored, more than {MAX_IGNORED:.0%}: {ignored}"


@check
def results_computed(notebook):
    """No number in the results is typed."""
    for number, cell in notebook.code:
        with suppress(SyntaxError):  # what is no Python fails when it runs
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "results":
                    typed = [leaf.value for leaf in list_typed(node.value) if isinstance(leaf.value, int | float)]
                    if typed:
                        yield f"cell {number} writes {typed[0]} into its results, which nothing has computed"


def list_typed(node):
    """Yield the constants that are values in a display of a dictionary or a list."""
    inner = node.values if isinstance(node, ast.Dict) else node.elts if isinstance(node, ast.List | ast.Tuple) else ()
    for value in inner:
        yield from [value] if isinstance(value, ast.Constant) else list_typed(value)
