"""A run of three small notebooks with values from the command line."""

import nbformat
import pytest

from machinery.runner.executing import read_results
from small_notebooks import FINE, LESSON, join_printed, read_executed, run_command, write_notebooks

KNOBS = {"PROFILE": "book", "SHAPE": "(3, 4)", "FOLDER": "some/place", "DATA": "pets", "REPEATS": "4"}
VALUES = [word for name, value in KNOBS.items() for word in ("-p", name, value)]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    base = tmp_path_factory.mktemp("book")
    folder = write_notebooks(base / "notebooks", {"9_1_shapes": LESSON, "9_2_last": FINE})
    for stem, source in (("9_1_shapes", "print('stale')"), ("9_5_bare", "print('from ipynb')")):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
        nbformat.write(notebook, folder / f"{stem}.ipynb")
    assert run_command(base, *VALUES) == 0
    return base


@pytest.fixture(scope="module")
def shapes(base):
    return read_executed(base, "9_1_shapes")


def test_profile_and_folders_reach_the_kernel(base, shapes):
    lines = join_printed(shapes).splitlines()
    assert "PROFILE='book'" in lines[0]
    assert lines[1:3] == [str(base / "pets"), str(base / "notebooks")]


def test_values_are_injected_after_the_parameters(base, shapes):
    injected = ["injected-parameters"]
    assert [cell.metadata.tags for cell in shapes.cells[1:5]] == [["parameters"], injected, ["constants"], injected]
    assert shapes.cells[4].source == "REPEATS = 4"
    assert shapes.cells[2].source == f"SHAPE = (3, 4)\nFOLDER = {str(base / 'some/place')!r}"
    assert "SHAPE=(3, 4)" in join_printed(shapes)
    assert len(read_executed(base, "9_2_last").cells) == 2  # it has no such knobs


def test_stale_notebook_does_not_run(base, shapes):
    assert "stale" not in join_printed(shapes)
    assert "stale" in (base / "notebooks/9_1_shapes.ipynb").read_text()  # and it is left alone


def test_notebook_without_text_source_runs(base):
    assert join_printed(read_executed(base, "9_5_bare")) == "from ipynb\n"


def test_account_of_the_run_is_kept(shapes):
    run = shapes.metadata.run
    assert (run.title, run.status, run.profile, run.cells) == ("Shapes & areas", "ok", "book", "4/4")
    assert 0.5 < run.seconds < 60
    assert run.results == [["iou / animal", "0.1235"], ["losses", "0, 1, 2, 3, 4, 5, …"]]


def test_peak_memory_is_plausible(base, shapes):
    bare = read_executed(base, "9_2_last").metadata.run.peak
    assert 10e6 < bare < 200e6  # a kernel
    assert 160e6 < shapes.metadata.run.peak - bare < 300e6  # a block of 200 MB


def test_results_of_an_earlier_run_are_ignored(tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    (results / "9_2.json").write_text('{"iou": 1}')
    assert read_results(tmp_path, "9_2_last", started=0) == [("iou", "1")]
    assert read_results(tmp_path, "9_2_last", started=2e10) == []
