"""Chooses which notebooks run and which values their knobs get."""

import ast
import copy
import difflib
import os
import re
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from helpers.knobs import KNOB_TAGS, RULES, check_knobs, find_knobs
from helpers.lessons import is_tagged, read_lesson

NO_PATHS = ("CAM_LAYER", "FILTER_LAYERS", "CLASS")  # knobs whose values may have a / and are no paths
INJECTED = "injected-parameters"  # tag of the cells that set knobs, by papermill's name


def choose_notebooks(folder: Path, prefixes: list[str], exercises: bool = True) -> dict[str, NotebookNode]:
    """Return the notebooks of a folder by stem; those whose name starts with one of `prefixes`, if there are any.

    A notebook starts with the number of its section. After the lessons come the solved `exercises`, unless they are not
    wanted. A LookupError lists what there is if a prefix fits none.
    """
    stems = sorted({path.stem for path in folder.glob("[0-9]*") if path.suffix in (".py", ".ipynb")})
    stems += sorted(path.stem for path in folder.glob("exercises/[0-9]*.py")) if exercises else []
    unknown = [prefix for prefix in prefixes if not any(stem.startswith(prefix) for stem in stems)]
    if unknown or not stems:
        names = "".join(f"\n  {stem}" for stem in stems) or " none"
        raise LookupError(f"no notebook {', '.join(unknown)} in {folder}; there are:{names}")
    return {stem: read_lesson(stem, folder) for stem in stems if stem.startswith(tuple(prefixes or [""]))}


def check_names(names: list[str], notebooks: dict[str, NotebookNode]) -> None:
    """Raise a LookupError that lists the knobs of every notebook if a name is a knob of none.

    A cell of knobs that is no Python raises a SyntaxError, whatever the names are.
    """
    described = {stem: describe_knobs(notebook, stem[:3]) for stem, notebook in notebooks.items()}
    known = [name for knobs in described.values() for name in knobs]
    unknown = [name for name in names if name not in known]
    if not unknown:
        return
    message = f"no knob {', '.join(unknown)}"
    for name in difflib.get_close_matches(unknown[0], known, n=1):
        message += f"; did you mean {name}?"
    for stem, knobs in described.items():
        message += f"\n  {stem}" if knobs else f"\n  {stem} has none"
        message += "".join(f"\n    {line}" for line in knobs.values())
    raise LookupError(message)


def check_values(notebooks: dict[str, NotebookNode]) -> None:
    """Raise a ValueError that names each knob with a value that cannot be right, and what is expected.

    The notebooks have what `set_knobs` put into them, and the environment says with which profile they run. Knobs that
    cannot be read at all are left to the notebook's run.
    """
    for stem, notebook in notebooks.items():
        names = {}
        try:
            for cell in notebook.cells:
                if is_tagged(cell, *KNOB_TAGS, INJECTED):
                    exec(cell.source, names)
        except Exception:
            continue
        try:
            check_knobs(stem[:3], names)
        except ValueError as error:
            raise ValueError(f"{stem}: {error}") from None


def describe_knobs(notebook: NotebookNode, section: str = "") -> dict[str, str]:
    """Return the knobs of a notebook by name: each as a line with its default, its comment, and what it may be."""
    rules = RULES.get(section, {})
    source = "\n".join(cell.source for cell in notebook.cells if is_tagged(cell, *KNOB_TAGS))
    settings, comments = {}, {}
    for name, node in find_knobs(source).items():
        one_line = node.value.lineno == node.value.end_lineno
        default = ast.get_source_segment(source, node.value) if one_line else ast.unparse(node.value)
        settings[name] = f"{name} = {default}"
        last_line = source.splitlines()[node.end_lineno - 1].encode()  # columns count bytes
        comments[name] = last_line[node.end_col_offset :].decode().strip()
        if name in rules:
            comments[name] += f" [{rules[name].expected}]"
    width = max(map(len, settings.values()), default=0)
    return {name: f"{setting:{width}}  {comments[name]}".rstrip() for name, setting in settings.items()}


def set_knobs(lesson: NotebookNode, values: dict) -> NotebookNode:
    """Return a copy of a notebook with a cell after each cell of knobs that sets those of `values` that are in it."""
    notebook = copy.deepcopy(lesson)
    for place, cell in reversed([*enumerate(lesson.cells)]):
        known = find_knobs(cell.source) if is_tagged(cell, *KNOB_TAGS) else {}
        # Written here, since papermill would turn a tuple into text.
        settings = "\n".join(f"{name} = {value!r}" for name, value in values.items() if name in known)
        if settings:
            notebook.cells.insert(place + 1, new_code_cell(settings, metadata={"tags": [INJECTED]}))
    return notebook


def parse_value(text: str, knob: str = "") -> object:
    """Return a Python literal as its value, true and false in any case as truth values, anything else as text.

    Paths are made absolute; the values of some knobs are none.
    """
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        value = text
    return value if knob in NO_PATHS else make_absolute(value)


def make_absolute(value: object) -> object:
    """Make a path absolute, also within lists; a path is a text that exists or has a separator, no URL."""
    if isinstance(value, list | tuple):
        return type(value)(map(make_absolute, value))
    if not isinstance(value, str) or not value or re.match(r"\w[\w+.-]*://", value):
        return value
    path = os.path.expanduser(value)
    return os.path.abspath(path) if os.path.exists(path) or {"/", os.sep} & set(value) else value
