"""Each notebook as Colab opens it: alone in an empty folder, where the project is not installed.

The repository that it fetches is a bare clone on this machine, at the commit that is checked out.
"""

import os
import subprocess
import sys
from pathlib import PurePosixPath
from unittest import mock

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from machinery.site.address import find_commit
from machinery.site.gathering import ROOT, list_notebooks
from machinery.site.ways_in import make_independent
from notebook_checks import is_ignored, limits_of
from notebook_checks.outputs import compare

START = """\
import sys
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
sys.path = [path for path in sys.path if "editable" not in path]
from ipykernel.kernelapp import launch_new_instance
launch_new_instance()
"""


class Bare(AsyncKernelManager):
    """A kernel that does not see the project."""

    @property
    def kernel_spec(self):
        return KernelSpec(argv=[sys.executable, "-c", START, "-f", "{connection_file}"], language="python")


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """The address of a bare clone."""
    folder = tmp_path_factory.mktemp("origin") / "companion.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", ROOT, folder], check=True)
    return str(folder)


@pytest.mark.slow
@pytest.mark.parametrize("place", list_notebooks(), ids=lambda place: place.stem)
def test_notebook_runs_alone_twice(place, origin, tmp_path):
    stored = nbformat.read(ROOT / place, as_version=4)
    independent = make_independent(stored, PurePosixPath(place.parent), origin, find_commit())
    (fetching,) = [number for number, cell in enumerate(independent.cells) if cell.id == "fetch-the-companion"]
    environment = {"TQDM_DISABLE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    with mock.patch.dict(os.environ, environment):
        for name in ("PYTHONPATH", "MPLBACKEND", "PROFILE", "DATA", "BUILD", "COLUMNS", "LINES"):
            os.environ.pop(name, None)
        for _ in range(2):
            executed = nbformat.from_dict(independent)
            client = NotebookClient(
                executed,
                timeout=None,
                kernel_manager_class=Bare,
                resources={"metadata": {"path": str(tmp_path)}},
                store_widget_state=False,
            )
            client.execute()
            assert (tmp_path / f"companion-{find_commit()[:7]}" / place).exists()
            assert not executed.cells[fetching].outputs
            if place.stem.endswith("_exercises"):
                continue  # nothing is stored, and without answers there is little to see
            del executed.cells[fetching]
            for before, after in zip(stored.cells, executed.cells, strict=True):
                if before.cell_type == "code" and not is_ignored(before):
                    fresh = [output for output in after.outputs if output.get("name") != "stderr"]
                    compare(before.outputs, fresh, limits_of(before, "cpu"))
