"""The benchmark's own checks: results that agree, results that do not, and what the table says."""

import json

import numpy as np
import pytest
from keras import Input, Model, layers
from PIL import Image

import benchmark
from machinery.benchmarks import book, floors, measuring, reading, reporting
from machinery.benchmarks.measuring import Row


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name == "read" else pytest.mark.slow) for name in benchmark.WORK],
)
def test_small_run_compares_the_results(tmp_path, capsys, name):
    assert benchmark.main(["--small", "--only", name, "--out", str(tmp_path)]) == 0
    record = json.loads((tmp_path / "benchmark.json").read_text())
    assert record["machine"]["cores"] >= 1
    assert all(row["agree"] and row["ours"] > 0 for row in record["rows"])
    printed = capsys.readouterr().out
    assert all(row["work"] in printed for row in record["rows"])


def off_by_one(images, masks):
    return images, (masks + 1) % 3


@pytest.mark.parametrize("fault", [off_by_one, lambda images, masks: (images + 0.5, masks)])
def test_results_that_differ_are_told(tmp_path, capsys, monkeypatch, fault):
    read = book.read_pets
    monkeypatch.setattr(book, "read_pets", lambda *arguments: fault(*read(*arguments)))
    assert benchmark.main(["--small", "--only", "read", "--out", str(tmp_path)]) == 1
    assert "DIFFER" in capsys.readouterr().out


def test_the_originals_are_as_large_as_said(tmp_path):
    pictures, trimaps = reading.draw_originals(tmp_path / "originals", 6, (120, 90))
    assert len(pictures) == len(trimaps) == 6
    shapes = [Image.open(path).size for path in pictures]
    assert {tuple(sorted(shape)) for shape in shapes} == {(90, 120)}
    changed = pictures[0].stat().st_mtime_ns
    assert reading.draw_originals(tmp_path / "originals", 6, (120, 90))[0] == pictures
    assert pictures[0].stat().st_mtime_ns == changed  # not made again


def test_the_table_says_what_was_not_reached(capsys):
    rows = [
        Row("fast", 1.0, 3.0, "2 times", True, floor=0.5),
        Row("slow", 1.0, 1.5, "2 times", False, notes=["why"]),
        Row("wrong", 1.0, 3.0, agree=False),
    ]
    reporting.print_table(rows)
    lines = capsys.readouterr().out.splitlines()
    fast, slow, why, wrong = (next(line for line in lines if word in line) for word in ("fast", "slow", "why", "wrong"))
    assert "3.00" in fast
    assert "agree" in fast
    assert "2 times (not)" in slow
    assert why.strip() == "why"
    assert "DIFFER" in wrong


def test_turns_are_taken_and_the_warm_ones_not_counted():
    calls = []
    ways = {name: lambda name=name: calls.append(name) or len(calls) for name in "ab"}
    times, results = measuring.alternate(ways, repeats=2, warm=1)
    assert calls == list("ababab")
    assert {name: len(values) for name, values in times.items()} == {"a": 2, "b": 2}
    assert results == {"a": 5, "b": 6}


def test_work_of_known_layers():
    inputs = Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same")(inputs)
    x = layers.Conv2DTranspose(5, 3, strides=2, padding="same")(x)
    assert floors.count_work(Model(inputs, x)) == 8 * 8 * 3 * 3 * 3 * 4 + 8 * 8 * 3 * 3 * 4 * 5


def test_peak_memory_is_that_of_the_process():
    small = measuring.run_alone("-c", "import time; time.sleep(1)")
    block = np.zeros(2**26)  # this process is larger; the other one does not inherit that
    block[:] = 1
    peak = measuring.run_alone("-c", "import time; kept = b'1' * 2**28; time.sleep(1)")
    assert peak > 2**28 > small
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        measuring.run_alone("-c", "1 / 0")
