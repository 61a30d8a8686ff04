"""Small notebooks for the runner, and its command run on them."""

import os
from contextlib import ExitStack, chdir
from unittest import mock

import nbformat

import run_notebooks

LESSON = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Shapes & areas

# %% tags=["parameters"]
import os

PROFILE = os.environ.get("PROFILE", "sample")  # "sample" or "book"
knob = dict
BUILD = os.environ.get("BUILD", "../build")  # folder for what is made
EPOCHS = knob(sample=12, book=50)  # passes, größer is better
SHAPE = (1, 2)
FOLDER = [
    "a",  # first
    "b",
]  # two folders

# %% tags=["constants"]
REPEATS = 3  # of an experiment

# %%
import sys
import time

from helpers.results import save_results

print(f"{PROFILE=} {SHAPE=} {FOLDER=} {REPEATS=}", os.environ["DATA"], os.getcwd(), sep="\\n")
print("time and path of a log", file=sys.stderr)
_ = save_results({"iou": {"animal": 0.123456}, "losses": list(range(9))}, f"{BUILD}/results/9_1.json")
block = b"x" * 200_000_000
time.sleep(1.2)

# %%
from IPython.display import display

display({"image/png": "iVBORw0KGgo="}, raw=True, metadata={"image/png": {"alt": 'one "dot"'}})
"""
FINE = "# %% [markdown]\n# # The last one\n\n# %%\nprint('still', 'here')\n"


def write_notebooks(folder, sources):
    """Write text sources, dict of stem to text, into a folder; return it."""
    folder.mkdir()
    for stem, source in sources.items():
        (folder / f"{stem}.py").write_text(source, encoding="utf-8")
    return folder


def run_command(base, *arguments, pages=False):
    """Run the command in `base`, with its kernels' environment put back afterwards; return the exit status.

    Its pages are made only if they are wanted.
    """
    with mock.patch.dict(os.environ), chdir(base), ExitStack() as stack:
        if not pages:
            stack.enter_context(mock.patch.object(run_notebooks, "build_pages"))
        status = run_notebooks.main(["--notebooks", "notebooks", "--out", "build", *arguments])
    assert not list(base.rglob(".unfinished*"))
    return status


def read_executed(base, stem):
    """Return a notebook as it was executed in `base`."""
    return nbformat.read(base / "build" / "notebooks" / f"{stem}.ipynb", as_version=4)


def join_printed(notebook):
    """Return all that an executed notebook printed."""
    return "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
