"""Ways into a notebook from its page: Colab, Kaggle, Binder, the source to edit."""

import copy
from pathlib import PurePosixPath

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

BRANCH = "gh-pages"  # where the site is published, `colab/` with it
NEEDED = {  # what a lesson imports beyond Python and Jupyter, by the name that pip knows
    "jupytext": "jupytext",
    "keras": "keras",
    "matplotlib": "matplotlib",
    "numpy": "numpy",
    "pillow": "PIL",
    "scipy": "scipy",
    "tensorflow": "tensorflow",
    "tqdm": "tqdm",
}
FETCH = '''\
# Where the companion is not installed, as on Colab or Kaggle: fetch it, and install what it needs that is not there.
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ADDRESS = "{address}"
COMMIT = "{commit}"


def call(*command):
    """Run a command; what it says of a failure becomes the error."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(f"{{' '.join(command)}} failed: {{done.stdout.strip()}}")


if not importlib.util.find_spec("sample_pets"):
    companion = Path(f"companion-{{COMMIT[:7]}}").absolute()
    folder = companion / "{folder}"
    if not (companion / ".git" / "fetched").exists():
        call("git", "init", "--quiet", str(companion))
        call("git", "-C", str(companion), "fetch", "--quiet", "--depth=1", ADDRESS, COMMIT)
        call("git", "-C", str(companion), "checkout", "--quiet", "--force", "FETCH_HEAD")
        (companion / ".git" / "fetched").touch()
    needed = {needed}
    missing = [package for package, module in needed.items() if not importlib.util.find_spec(module)]
    if missing:
        call(sys.executable, "-m", "pip", "install", "--quiet", *missing)
    sys.path[:0] = [str(companion / "notebooks"), str(companion)]
    os.chdir(folder)
'''


def list_ways(place: PurePosixPath, repository: str) -> str:
    """Return a line of links, in Markdown, for a page of the repository."""
    ways = {}
    if place.suffix == ".ipynb":
        owner_and_name = repository.removeprefix("https://github.com/")
        published = f"{owner_and_name}/{{}}{BRANCH}/colab/{place.name}"
        ways["Open in Colab"] = f"https://colab.research.google.com/github/{published.format('blob/')}"
        ways["Kaggle"] = (
            f"https://kaggle.com/kernels/welcome?src=https://raw.githubusercontent.com/{published.format('')}"
        )
        ways["Binder"] = f"https://mybinder.org/v2/gh/{owner_and_name}/HEAD?urlpath=lab/tree/{place}"
    source = place.with_name(place.name.replace("_exercises", "_solutions")).with_suffix(".py")
    ways["Edit"] = f"{repository}/edit/main/{source if place.suffix == '.ipynb' else place}"
    return " · ".join(f"[{name}]({address})" for name, address in ways.items())


def make_independent(notebook: NotebookNode, folder: PurePosixPath, address: str, commit: str) -> NotebookNode:
    """Return a copy that runs alone, without the repository around it: its first code cell fetches that.

    Args:
        notebook: as it is stored.
        folder: where it lies in the repository, and works: `notebooks`.
        address: what git fetches from.
        commit: the repository as it was built, 40 hexadecimal digits.
    """
    independent = copy.deepcopy(notebook)
    source = FETCH.format(address=address, commit=commit, folder=folder, needed=NEEDED).rstrip("\n")
    first = next(number for number, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    independent.cells.insert(first, new_code_cell(source, id="fetch-the-companion"))
    return independent
