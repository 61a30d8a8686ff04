"""Checks of a lesson as a text: its table of contents, and its numbers.

A number in prose is one of the outputs or of the code of its section, or of the book, where the paragraph says so.
"""

import itertools
import re

from helpers.knobs import KNOB_TAGS
from helpers.lessons import is_tagged

from .outputs import flatten
from .stored import CHAPTER, check

ROW = re.compile(r"\| *(?P<title>[^|]+?) *\|[^|]*\| *(?P<cells>[\d–]+) *\|[^|]*\|")
QUESTION = "**Predict, then run.**"
# Numbers that measure nothing: of code, of addresses, of what has a number for a name, of versions. Folded answers have
# tests of their own, tests/lessons/test_questions.py.
NAMES = re.compile(
    r"<details>.*?</details>"
    r"|```.*?```|`[^`]*`|\]\([^)]*\)|<[^>]*>|^\|.*?$|\b[89]\.\d+(?:\.\d)?(?:-\d)?(?!\d| ?%)|CC BY-SA 4\.0"
    r"|\b(?:TensorFlow|Keras|Python|NumPy|issue|exercises?)[\s>]+\d[\d.]*|\b(?:19|20)\d\d\b|\b\d+[ -]bits?\b",
    re.DOTALL | re.MULTILINE,
)
NUMBER = re.compile(
    r"(?<![\w.,])(?P<digits>\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(?P<power>e[-+]?\d+)?(?P<percent> ?%)?(?![\w])"
)


def list_sections(notebook):
    """Return the sections of a notebook: of each the level of its heading, the heading, the prose, the code cells."""
    sections = [(0, "the beginning", [], [])]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            sections[-1][3].append(cell)
            continue
        before, *parts = re.split(r"^(#+) +(.+)$", cell.source, flags=re.MULTILINE)
        sections[-1][2].append(before)
        for marks, heading, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            sections.append((len(marks), heading, [text], []))
    return [(level, heading, "\n\n".join(texts), code) for level, heading, texts, code in sections]


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
def contents(notebook):
    """A lesson begins with a table of sections and their cells; the book's ask a question; a glossary ends it."""
    if notebook.path.stem not in CHAPTER:
        return
    sections, numbers, current = list_sections(notebook), itertools.count(1), None
    rows = [row.group("title", "cells") for row in map(ROW.match, notebook.cells[0].source.splitlines()) if row]
    cells, asked = {title: [] for title, _ in rows}, set()
    for level, heading, prose, code in sections:
        current = heading if level <= 2 else current
        cells.setdefault(current, []).extend(itertools.islice(numbers, len(code)))
        if QUESTION in prose and "<summary>" in prose:
            asked.add(current)
    if not rows:
        yield "the first cell has no row like | 9.2 From pictures to masks | data, network | 7–28 | 1.0 |"
    for title, said in rows:
        first, last = (cells[title] or [0])[0], (cells[title] or [0])[-1]
        if said != (span := f"{first}–{last}" if first < last else f"{first}"):
            yield f"the table of contents says that {title} has the cells {said}; expected {span}"
        if title not in asked and CHAPTER[notebook.path.stem]:
            yield f"{title} asks no question: {QUESTION} with the answer in <details><summary>"
    if "Glossary" not in cells:
        yield "there is no section Glossary"


@check
def numbers_in_prose(notebook):
    """Every number in prose is shown in its section, by an output or in code, or is the book's and says so."""
    book = {number[1::2] for number in read_numbers(" ".join(CHAPTER["numbers"]))}
    knobs = "\n".join(cell.source for _, cell in notebook.code if is_tagged(cell, *KNOB_TAGS))
    ours = notebook.path.stem in CHAPTER or notebook.path.parent.name == "exercises"
    for _, heading, prose, code in list_sections(notebook) if ours else ():
        outputs = [str(text) for cell in code for kind, text in flatten(cell.outputs) if not kind.startswith("image/")]
        shown = [*read_numbers("\n".join([knobs, *outputs, *(cell.source for cell in code)]).replace("_", ""))]
        for paragraph in re.split(r"\n(?:>? *)?\n", NAMES.sub(" ", prose) * (heading != "Sources")):
            of_book = book if "book" in paragraph.lower() else ()
            for number in read_numbers(paragraph):
                small = number[1] < 10 and number[1] == int(number[1]) and "." not in number[0] and not number[3]
                if not (small or number[1::2] in of_book or is_shown(number, shown)):
                    yield f"{heading} says {number[0]}, which neither its cells show nor the book says"
