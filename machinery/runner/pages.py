"""Makes pages of executed notebooks, which the site's Sphinx then builds."""

import platform
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath

import nbformat
from nbformat import NotebookNode

from machinery.site.building import START
from machinery.site.preparing import prepare_notebook

ACCOUNT = set("name title profile status cells seconds peak finished results".split())  # see `run_notebook`


def read_runs(folder: Path) -> dict[str, NotebookNode]:
    """Return the notebooks that were executed into a folder by stem, by earlier calls too.

    What is no notebook, or no finished run of ours, is left out; what is no notebook is named on standard error.
    """
    runs = {}
    for path in sorted(folder.glob("[0-9]*.ipynb")):
        try:
            notebook = nbformat.read(path, as_version=4)
            run = notebook.metadata.get("run")
        except Exception as error:  # of reading JSON, or of nbformat's checks
            print(f"{path.name} is left out of the pages: it is no notebook ({type(error).__name__})", file=sys.stderr)
            continue
        if isinstance(run, dict) and ACCOUNT <= run.keys():
            runs[path.stem] = notebook
    return runs


def make_pages(runs: dict[str, NotebookNode]) -> dict[PurePosixPath, str]:
    """Return the pages of executed notebooks by place, and the first page, with an account of each and its results."""
    start, contents, pages = ["# Executed notebooks", ""], [], {}
    for stem, notebook in runs.items():
        run = notebook.metadata.run
        place = PurePosixPath("notebooks", "exercises" if stem.endswith("_solutions") else "", f"{stem}.ipynb")
        pages[place] = nbformat.writes(prepare_notebook(notebook, describe_run(run)))
        contents.append(str(place.with_suffix("")))
        start += [f"## [{escape(run.title)}]({place})", "", describe_run(run), ""]
        if run.results:
            start += ["| result | value |", "|---|---|"]
            start += [f"| {escape(name)} | {escape(value)} |" for name, value in run.results] + [""]
    versions = [f"Python {platform.python_version()}"]
    for name in ("keras", "tensorflow", "tensorflow-cpu", "numpy"):
        with suppress(PackageNotFoundError):
            versions.append(f"{name} {version(name)}")
    start += [", ".join(versions), "", "```{toctree}", ":hidden:", "", *contents, "```", ""]
    return pages | {START: "\n".join(start)}


def describe_run(run: NotebookNode) -> str:
    """Return an account of a run in a line of Markdown; what is not well is bold."""
    status = "ok" if run.status == "ok" else f"**{run.status}**"
    return (
        f"{status}: {run.cells} cells, `{run.profile}` profile, {format_duration(run.seconds)}, "
        f"{format_size(run.peak)} peak memory, {run.finished}"
    )


def escape(text: str) -> str:
    """Return a text as a cell of a table in Markdown shows it to the letter."""
    return "".join(f"\\{letter}" if letter in r"\`*_{}[]<>()#+-.!|~$" else letter for letter in text)


def format_duration(seconds: float) -> str:
    """Return a time as text for people."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{seconds:.1f} s"


def format_size(count: int) -> str:
    """Return a number of bytes as text for people."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
