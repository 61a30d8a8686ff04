"""Progress bars are silent where nobody watches."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(("environment", "silent"), [({"TQDM_DISABLE": "1"}, True), ({}, False)])
def test_progress_bars_are_silent_in_automated_runs(environment, silent):
    code = "from helpers.progress import progress; list(progress(range(3)))"
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert ("3/3" not in run.stderr) == silent
