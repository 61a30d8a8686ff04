"""Two runs of a notebook on the same machine give the same weights, numbers and figures, bit for bit."""

import hashlib
import subprocess
import sys

import keras
import nbformat
import pytest

from helpers.lessons import is_tagged
from notebook_checks.outputs import flatten
from notebook_source import STEMS
from project_copy import ROOT


def digest(content):
    """Return a short digest of a text or of bytes."""
    return hashlib.sha256(content if isinstance(content, bytes) else str(content).encode()).hexdigest()[:16]


def run_digests(stem, out):
    """Execute a notebook in a process of its own; return digests of every weight of its models and of every output.

    Times differ at every run: the cells tagged `times` are left out.
    """
    script = ROOT / "scripts" / "run_notebooks.py"
    done = subprocess.run([sys.executable, script, "--only", stem, "--out", out], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    digests = {}
    cells = nbformat.read(out / "notebooks" / f"{stem}.ipynb", as_version=4).cells
    for number, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), 1):
        if is_tagged(cell, "times"):
            continue
        for place, (kind, content) in enumerate(flatten(cell.outputs)):
            if kind != "stderr":
                digests[f"cell {number}, output {place}: {kind}"] = digest(content)
    for path in sorted((out / "models").rglob("*.keras")):
        for weight in keras.models.load_model(path, compile=False).weights:
            digests[f"{path.parent.name}/{path.name}: {weight.path}"] = digest(
                keras.ops.convert_to_numpy(weight).tobytes()
            )
    return digests


@pytest.mark.slow
@pytest.mark.parametrize("stem", STEMS)
def test_two_runs_are_equal(stem, tmp_path):
    first, second = (run_digests(stem, tmp_path / name) for name in ("first", "second"))
    assert any("image/png" in what for what in first)
    assert any(".keras" in what for what in first)
    different = [what for what in first | second if first.get(what) != second.get(what)]
    assert not different, f"{len(different)} of {len(first)} digests differ: {', '.join(different)}"
