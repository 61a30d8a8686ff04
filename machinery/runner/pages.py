"""Makes a page of each executed notebook and an index of them; they open without a network."""

import platform
import re
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jinja2
import nbformat
from nbconvert import HTMLExporter

TEMPLATES = jinja2.FileSystemLoader(Path(__file__).parent)
ACCOUNT = set("name title profile status cells seconds peak finished results".split())  # see `run_notebook`


def render_page(executed: nbformat.NotebookNode) -> str:
    """Return the page of an executed notebook."""
    formulas = any(cell.cell_type == "markdown" and re.search(r"\$[^$]+\$", cell.source) for cell in executed.cells)
    exporter = HTMLExporter(template_file="page.html.j2", extra_loaders=[TEMPLATES])
    resources = {"metadata": {"name": executed.metadata.run.title}, "formulas": formulas}
    return exporter.from_notebook_node(executed, resources)[0]


def render_index(folder: Path) -> str:
    """Return the page that lists every notebook executed into a folder, by earlier calls too.

    What is no notebook, or no finished run of ours, is left out; the first is named on standard error.
    """
    runs = []
    for path in sorted(folder.glob("[0-9]*.ipynb")):
        try:
            runs.append(read_run(path))
        except Exception as error:  # of reading JSON, or of nbformat's checks
            print(f"{path.name} is left out of the index: it is no notebook ({type(error).__name__})", file=sys.stderr)
    runs = [run for run in runs if run]
    versions = [f"Python {platform.python_version()}"]
    for name in ("keras", "tensorflow", "tensorflow-cpu", "numpy"):
        with suppress(PackageNotFoundError):
            versions.append(f"{name} {version(name)}")
    templates = jinja2.Environment(loader=TEMPLATES, autoescape=True, trim_blocks=True)
    templates.filters.update(duration=format_duration, size=format_size)
    return templates.get_template("index.html.j2").render(runs=runs, versions=", ".join(versions))


def read_run(path: Path) -> nbformat.NotebookNode | None:
    """Return the account of an executed notebook's run; None if it has none, being cut short or another's."""
    run = nbformat.read(path, as_version=4).metadata.get("run")
    return run if isinstance(run, dict) and ACCOUNT <= run.keys() else None


def format_duration(seconds: float) -> str:
    """Return a time as text for people."""
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"


def format_size(count: int) -> str:
    """Return a number of bytes as text for people."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
