"""Checks of a lesson as a text: the book's numbers in sight, a table of contents, numbers that are shown.

A number in prose is one of the outputs or of the code of its section, or of the book, where the paragraph says so.
"""

import re
from contextlib import suppress

from helpers.knobs import KNOB_TAGS, find_knobs
from helpers.lessons import is_tagged

from .outputs import flatten
from .stored import CHAPTER, check

MAX_KNOBS = 10  # in the cell `parameters`
HEADING = re.compile(r"#+ +(.+)")
ROW = re.compile(r"\| *(?P<title>9\.[^|]+?) *\|[^|]*\| *(?P<cells>[\d–]+) *\|[^|]*\|")
QUESTION = "**Predict, then run.**"
CHAPTER_TAG = re.compile(r"(listing|step|figure)-(.+)")
# Numbers that measure nothing: of code, of addresses, of what has a number for a name, of versions. Folded answers have
# tests of their own, tests/lessons/test_questions.py.
NAMES = re.compile(
    r"<details>.*?</details>"
    r"|```.*?```|`[^`]*`|\]\([^)]*\)|<[^>]*>|^\|.*?$|\b[89]\.\d+(?:\.\d)?(?:-\d)?(?!\d| ?%)|CC BY-SA 4\.0"
    r"|\b(?:TensorFlow|Keras|Python|NumPy|issue|exercises?) \d[\d.]*|\b(?:19|20)\d\d\b|\b\d+[ -]bits?\b",
    re.DOTALL | re.MULTILINE,
)
NUMBER = re.compile(
    r"(?<![\w.,])(?P<digits>\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(?P<power>e[-+]?\d+)?(?P<percent> ?%)?(?![\w])"
)


def list_sections(notebook):
    """Return the sections of a notebook, each as its heading, its prose, and its code cells."""
    sections = [("the beginning", [], [])]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            sections[-1][2].append(cell)
            continue
        before, *parts = re.split(r"^#+ +(.+)$", cell.source, flags=re.MULTILINE)
        sections[-1][1].append(before)
        sections += [(heading, [text], []) for heading, text in zip(parts[::2], parts[1::2], strict=True)]
    return [(heading, "\n\n".join(texts), code) for heading, texts, code in sections]


def read_numbers(text):
    """Yield the numbers of a text as (as written, value, half a unit of the last digit, whether it is a percentage)."""
    for match in NUMBER.finditer(text.replace("−", "-")):
        digits, power = match["digits"].replace(",", ""), float("1" + (match["power"] or ""))
        unit = 10.0 ** -len(digits.partition(".")[2]) * power
        yield match[0].strip(), float(digits) * power, 0.5001 * unit, bool(match["percent"])


def is_shown(number, shown):
    """Tell whether a number of the prose is one of those shown, perhaps rounded: 6 % is 0.064, 0.06 and 6.4%."""
    _, value, half, percent = number
    for _, other, _, other_percent in shown:
        scale = 100 if percent and not other_percent else 0.01 if other_percent and not percent else 1
        if abs(value - other * scale) <= half:
            return True
    return False


@check
def numbers_in_sight(notebook):
    """The first line of a cell names the listings, steps and figures of the book that it is."""
    for number, cell in notebook.code if notebook.path.stem in CHAPTER else ():
        line = cell.source.partition("\n")[0].lower()
        for tag in filter(None, map(CHAPTER_TAG.fullmatch, cell.metadata.get("tags", []))):
            if not re.search(rf"^# .*\b{tag[1]} {re.escape(tag[2])}(?![\w-])", line):
                yield f"cell {number} is tagged {tag[0]}; expected a first line like # {tag[1].title()} {tag[2]}"


@check
def contents(notebook):
    """Where the first cell has a table of contents, its cells are right, and each section asks a question."""
    rows = [
        (match["title"], match["cells"]) for match in map(ROW.match, notebook.cells[0].source.splitlines()) if match
    ]
    current, number, cells, asked = None, 0, {title: [] for title, _ in rows}, set()
    for cell in notebook.cells[1:]:
        number += cell.cell_type == "code"
        if cell.cell_type == "code" and current in cells:
            cells[current].append(number)
        elif heading := HEADING.match(cell.source):
            current = heading[1] if heading[1] in cells or cell.source.startswith("## ") else current
        if QUESTION in cell.source and "<summary>" in cell.source:
            asked.add(current)
    for title, said in rows:
        span = "–".join(map(str, dict.fromkeys((cells[title] or [0])[:: max(1, len(cells[title]) - 1)])))
        if said != span:
            yield f"the table of contents says that {title} has the cells {said}; expected {span}"
        if title not in asked:
            yield f"{title} asks no question: {QUESTION} with the answer in <details><summary>"
    if rows and not any(heading == "Glossary" for heading, _, _ in list_sections(notebook)):
        yield "there is no section Glossary"


@check
def numbers_in_prose(notebook):
    """Every number in prose is shown in its section, by an output or in code, or is the book's and says so."""
    book = [*read_numbers(" ".join(CHAPTER["numbers"]))]
    knobs = "\n".join(cell.source for _, cell in notebook.code if is_tagged(cell, *KNOB_TAGS))
    for heading, prose, code in list_sections(notebook) if notebook.path.stem in CHAPTER else ():
        outputs = [str(text) for cell in code for kind, text in flatten(cell.outputs) if not kind.startswith("image/")]
        shown = [*read_numbers("\n".join([knobs, *outputs, *(cell.source for cell in code)]).replace("_", ""))]
        for paragraph in re.split(r"\n(?:>? *)?\n", NAMES.sub(" ", prose) * (heading != "Sources")):
            allowed = shown + (book if "book" in paragraph.lower() else [])
            for number in read_numbers(paragraph):
                small = number[1] < 10 and number[1] == int(number[1]) and "." not in number[0] and not number[3]
                if not small and not is_shown(number, allowed):
                    yield f"{heading} says {number[0]}, which neither its cells show nor the book says"


@check
def few_knobs(notebook):
    """The cell of parameters has those knobs alone that a reader wants."""
    for number, cell in notebook.code:
        if not is_tagged(cell, "parameters"):
            continue
        with suppress(SyntaxError):  # what is no Python fails when it runs
            if len(knobs := find_knobs(cell.source)) > MAX_KNOBS:
                yield f"cell {number} has {len(knobs)} knobs, more than {MAX_KNOBS}: use cells tagged constants"
