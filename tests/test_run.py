"""Profiles and results of a run, and silent progress bars."""

import json
import os
import subprocess
import sys

import pytest

from helpers.knobs import profile_values
from helpers.results import save_results
from helpers.start import quiet_start


def test_a_knob_has_the_value_of_the_profile():
    assert [profile_values(profile)(sample=64, book=200) for profile in ("sample", "book")] == [64, 200]


def test_an_unknown_profile_is_refused():
    with pytest.raises(ValueError, match="PROFILE is 'books'; expected"):
        profile_values("books")


def test_a_knob_needs_both_values():
    with pytest.raises(TypeError, match="book"):
        profile_values("sample")(sample=64)


def test_a_quiet_start_drops_what_c_code_prints_and_nothing_else(capfd):
    def fail_with_noise():
        with quiet_start():
            os.write(2, b"noise ")
            raise ImportError("no such module")

    os.write(2, b"before ")
    with pytest.raises(ImportError, match="no such"):
        fail_with_noise()
    os.write(2, b"after")
    assert capfd.readouterr().err == "before after"


def test_results_are_written_and_printed(tmp_path, capsys):
    results = {"profile": "sample", "mean_iou": 0.78032, "losses": [0.5, 0.25], "times": {"a": 0.1}, "epochs": 7}
    path = save_results(results, tmp_path / "results" / "9_2.json")
    assert json.loads(path.read_text()) == results
    printed = capsys.readouterr().out.splitlines()
    shown = [["profile", "sample"], ["mean_iou", "0.7803"], ["losses", "2", "values"]]
    shown += [["times", "1", "values"], ["epochs", "7"]]
    assert [line.split() for line in printed] == shown


def test_results_that_cannot_be_written_leave_the_old_ones(tmp_path):
    path = save_results({"epochs": 7}, tmp_path / "9_2.json")
    with pytest.raises(TypeError):
        save_results({"epochs": {7}}, path)  # a set is no JSON
    assert json.loads(path.read_text()) == {"epochs": 7}
    assert [entry.name for entry in tmp_path.iterdir()] == ["9_2.json"]


@pytest.mark.parametrize(("environment", "silent"), [({"TQDM_DISABLE": "1"}, True), ({}, False)])
def test_progress_bars_are_silent_in_automated_runs(environment, silent):
    code = "from helpers.progress import progress; list(progress(range(3)))"
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert ("3/3" not in run.stderr) == silent


def test_helpers_import_nothing_large():
    names = "caching devices dogs_vs_cats files knobs lessons pets pictures plots progress results start".split()
    code = f"import sys\nfor name in {names}: __import__(f'helpers.{{name}}')\n"
    code += "print(*{'keras', 'tensorflow', 'matplotlib', 'jupytext', 'IPython'} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
