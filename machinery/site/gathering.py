"""Gathers the pages of the site in a folder, by the paths that they have in the repository, so that links hold."""

import os
import re
import shutil
from pathlib import Path, PurePosixPath

import nbformat

from .preparing import prepare_notebook

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")  # to a path
Pages = dict[PurePosixPath, str]  # texts by the path in the repository: Markdown, or a notebook's JSON


def gather_pages(target: Path, pages: Pages) -> None:
    """Write pages into a folder, and what they link to: other pages with their links, other files as they are."""
    todo, known = dict(pages), set(pages)
    while todo:
        place, text = todo.popitem()
        write(target / place, text)
        for link in LINK.findall(text):
            linked = PurePosixPath(os.path.normpath(place.parent / link).replace(os.sep, "/"))
            outside = linked.is_absolute() or linked.parts[:1] in ((), ("..",))
            if linked in known or outside or not (ROOT / linked).is_file():
                continue
            known.add(linked)
            if linked.suffix in (".md", ".ipynb"):
                todo[linked] = read_page(linked)
            else:
                (target / linked).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / linked, target / linked)


def read_page(place: PurePosixPath, note: str = "") -> str:
    """Return the text of a page of the repository, with a note under a notebook's title, or at the end of a text."""
    if place.suffix == ".ipynb":
        return nbformat.writes(prepare_notebook(nbformat.read(ROOT / place, as_version=4), note))
    text = (ROOT / place).read_text(encoding="utf-8")
    return f"{text}\n\n{note}\n" if note else text


def list_notebooks() -> list[PurePosixPath]:
    """Return the places of the stored notebooks: the lessons, then the exercises."""
    folder = ROOT / "notebooks"
    found = [*sorted(folder.glob("9_*.ipynb")), *sorted(folder.glob("exercises/9_*.ipynb"))]
    return [PurePosixPath(path.relative_to(ROOT).as_posix()) for path in found]


def write(path: Path, text: str) -> None:
    """Write a text, into a folder that may not be there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
