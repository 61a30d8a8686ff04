"""Results of a run are written and printed."""

import json

import numpy as np
import pytest

from helpers.results import save_results


def test_results_are_written_and_printed(tmp_path, capsys):
    results = {"profile": "sample", "mean_iou": 0.78032, "losses": [0.5, 0.25], "times": {"a": 0.1}, "epochs": 7}
    path = save_results(results, tmp_path / "results" / "9_2.json")
    assert json.loads(path.read_text()) == results
    printed = capsys.readouterr().out.splitlines()
    shown = [["profile", "sample"], ["mean_iou", "0.7803"], ["losses", "2", "values"]]
    shown += [["times", "1", "values"], ["epochs", "7"]]
    assert [line.split() for line in printed] == shown


def test_what_is_no_number_is_null(tmp_path):
    results = {"loss": float("nan"), "losses": [0.5, np.float64("inf")], "times": {"a": (1, -np.inf)}}
    path = save_results(results, tmp_path / "9_2.json")
    assert json.loads(path.read_text(), parse_constant=pytest.fail) == {
        "loss": None,
        "losses": [0.5, None],
        "times": {"a": [1, None]},
    }
