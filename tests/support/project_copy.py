"""Copies of this project to break on purpose, and runs of pytest in them."""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("conftest.py", "docs", "machinery", "pyproject.toml", "notebooks", "sample_pets", "scripts", "tests")


@dataclass
class PytestRun:
    """A finished run of pytest; `cases` maps (file, item) to (outcome, text, seconds)."""

    folder: Path
    status: int
    text: str
    cases: dict

    @property
    def failures(self):
        """The texts of what failed, in the order of the run."""
        return [text for outcome, text, _ in self.cases.values() if outcome in ("failure", "error")]


def run_pytest(folder, *arguments, **environment):
    """Run pytest in a folder, away from any pytest that is running already.

    Args:
        folder: where to.
        arguments: of pytest.
        environment: what to add to the environment.

    Returns:
        A PytestRun. The file of a case is its path without suffix, with dots: `notebooks.9_2_image_segmentation`.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    report = folder / "build" / "report.xml"
    path = os.pathsep.join([str(folder), str(folder / "notebooks")])  # before the project that is installed
    done = subprocess.run(
        [sys.executable, "-m", "pytest", f"--junitxml={report}", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=inherited | {"COLUMNS": "200", "PYTHONPATH": path} | environment,
        capture_output=True,
        text=True,
    )
    cases = {}
    for case in ET.parse(report).iter("testcase") if report.exists() else ():
        child = next((child for child in case if child.tag != "properties"), None)
        outcome, text = ("passed", "") if child is None else (child.tag, child.text or child.get("message"))
        cases[case.get("classname"), case.get("name")] = outcome, text, float(case.get("time"))
    return PytestRun(folder, done.returncode, done.stdout + done.stderr, cases)


class ProjectCopy:
    """A copy of what is needed to run the tests and the notebooks; the drawn pets are shared."""

    def __init__(self, folder, names=COPIED):
        self.folder = Path(folder)
        ignore = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "build")
        for name in names:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.folder / name, ignore=ignore)
            else:
                shutil.copy(ROOT / name, self.folder / name)
        (self.folder / "data").mkdir()
        for stamp in (ROOT / "data").glob("sample-*/sample.json"):
            (self.folder / "data" / stamp.parent.name).symlink_to(stamp.parent, target_is_directory=True)

    def edit_text(self, path, old, new):
        """Replace a text that occurs once in a file."""
        file = self.folder / path
        file.write_text(replaced(file.read_text(encoding="utf-8"), old, new, path), encoding="utf-8")

    def edit_notebook(self, stem, change, paired=True):
        """Change the cells of a stored notebook, a list, in place; its text source follows if `paired`."""
        file = self.folder / "notebooks" / f"{stem}.ipynb"
        notebook = nbformat.read(file, as_version=4)
        change(notebook.cells)
        nbformat.write(notebook, file)
        if paired:
            jupytext.write(notebook, file.with_suffix(".py"), fmt="py:percent")


def replaced(text, old, new, where):
    """Return a text in which `old`, which occurs once, is `new`."""
    if text.count(old) != 1:
        raise LookupError(f"{where} holds {old!r} {text.count(old)} times; expected once: adapt the planted fault")
    return text.replace(old, new)


def find_cell(cells, text):
    """Return the index of the one code cell with a text in its source or a tag; LookupError unless there is one."""
    code = [index for index, cell in enumerate(cells) if cell.cell_type == "code"]
    tagged = [index for index in code if text in cells[index].metadata.get("tags", [])]
    found = tagged or [index for index in code if text in cells[index].source]
    if len(found) != 1:
        raise LookupError(f"{len(found)} code cells have {text!r}; expected one: adapt the planted fault")
    return found[0]
