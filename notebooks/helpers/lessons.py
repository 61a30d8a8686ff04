"""What one notebook takes from another: a definition stays in the lesson that teaches it."""

import ast
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from .files import write_whole
from .knobs import KNOB_TAGS, check_knobs, find_knobs

NOTEBOOKS = Path(__file__).resolve().parents[1]
FOLDERS = ("PROFILE", "DATA", "BUILD")  # what a notebook is told by the environment


def find_source(stem: str, folder: Path = NOTEBOOKS) -> Path:
    """Return the path of a notebook's text source, in a folder or its `exercises/`; if it has none, of the `.ipynb`."""
    texts = [folder / f"{stem}.py", folder / "exercises" / f"{stem}.py"]
    return next((text for text in texts if text.exists()), texts[0].with_suffix(".ipynb"))


def read_lesson(stem: str, folder: Path = NOTEBOOKS):
    """Return a notebook as nbformat's NotebookNode."""
    import jupytext  # here, for it takes a second

    return jupytext.read(find_source(stem, folder))


def is_tagged(cell, *tags: str) -> bool:
    """Tell whether a cell has one of some tags."""
    return not set(tags).isdisjoint(cell.metadata.get("tags", []))


def load_lesson(stem: str, run: Sequence[str] = (), **knobs) -> ModuleType:
    """Execute the imports, the knobs, the functions and the classes of a notebook, then the cells with some tags.

    Args:
        stem: name of the notebook, without its suffix.
        run: tags, for instance `("setup", "step-9.3-4")`; their cells run as a whole, in this order.
        **knobs: values instead of those of the text source, `STEM.py`; see `changed_knobs` for those of its last run.

    Returns:
        A module: `lesson.build_mini_xception`.

    Raises:
        LookupError: no cell has one of the tags, or there is no such knob.
        ValueError: a knob has a value that cannot be right.
    """
    cells = [cell for cell in read_lesson(stem).cells if cell.cell_type == "code"]

    def join_cells(*tags):
        chosen = [cell.source for cell in cells if is_tagged(cell, *tags)]
        if not chosen:
            raise LookupError(f"{stem} has no cell tagged {' or '.join(tags)}")
        return "\n".join(chosen)

    parameters = join_cells(*KNOB_TAGS)
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
        check_knobs(stem[:3], vars(lesson))
    return lesson


def note_knobs(file: Path, stem: str, names: dict) -> None:
    """Write down with which knobs a notebook has run so far, for the next one; `names` are its globals."""
    knobs = {name: names[name] for name in _list_knobs(stem) if name in names}
    with write_whole(file) as draft:
        draft.write_text(json.dumps(knobs, indent=2) + "\n")


def changed_knobs(file: Path, stem: str, **folders: str) -> dict:
    """Return the noted knobs of a lesson that are not its own, those that it has in these folders.

    There are none if there is no note, or none that can be read.
    """
    try:
        noted = json.loads(file.read_text("utf-8")).items()
    except (OSError, ValueError, AttributeError):
        return {}
    own, known = vars(load_lesson(stem, **folders)), _list_knobs(stem)
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in noted}
    return {name: value for name, value in values.items() if name in known and value != own[name]}


def _list_knobs(stem: str) -> list[str]:
    """Return the names of a notebook's knobs but for those that the environment tells it."""
    sources = [cell.source for cell in read_lesson(stem).cells if is_tagged(cell, *KNOB_TAGS)]
    return [name for name in find_knobs("\n".join(sources)) if name not in FOLDERS]


def _defines(node: ast.stmt) -> bool:
    """Tell whether a statement is an import or a definition."""
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)
