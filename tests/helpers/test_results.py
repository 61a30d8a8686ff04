"""Results of a run are written and printed."""

import json
import os
import re

import numpy as np
import pytest

from helpers.results import read_measured, save_results


def test_results_are_written_and_printed(tmp_path, capsys):
    results = {"profile": "sample", "mean_iou": 0.78032, "losses": [0.5, 0.25], "times": {"a": 0.1}, "epochs": 7}
    path = save_results(results, tmp_path / "results" / "9_2.json")
    written = json.loads(path.read_text())
    run = written.pop("run")
    assert written == results
    assert run["versions"]["numpy"] == np.__version__
    assert run["machine"]["cores"] == os.cpu_count()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", run["date"])
    printed = capsys.readouterr().out.splitlines()
    shown = [["profile", "sample"], ["mean_iou", "0.7803"], ["losses", "2", "values"]]
    shown += [["times", "1", "values"], ["epochs", "7"]]
    assert [line.split() for line in printed] == shown


def test_what_is_no_number_is_null(tmp_path):
    results = {"loss": float("nan"), "losses": [0.5, np.float64("inf")], "times": {"a": (1, -np.inf)}}
    path = save_results(results, tmp_path / "9_2.json")
    written = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert written | {"run": {}} == {"loss": None, "losses": [0.5, None], "times": {"a": [1, None]}, "run": {}}


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("sample", {"sample": "own", "photos": "stored", "book": "stored"}),
        ("book", {"photos": "stored", "book": "own"}),
    ],
)
def test_results_of_all_scales_are_read_in_order(tmp_path, profile, expected):
    for name in ("9_2_book", "9_2_photos", "9_3_sample"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"from": "stored"}))
    runs = read_measured("9_2", {"profile": profile, "from": "own"}, tmp_path)
    assert list({name: run["from"] for name, run in runs.items()}.items()) == list(expected.items())
