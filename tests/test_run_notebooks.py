"""The notebook runner on small notebooks of its own; kernels are slow to start, so runs are shared."""

import html
import json
import os
import re
from pathlib import Path
from unittest import mock

import jupytext
import nbformat
import pytest

import run_notebooks

LESSON = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Shapes & areas
#
# The area is $a^2$.
#
# <details><summary>Solution</summary>
#
# ```python
# folded = True
# ```
# </details>

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

# %%
import json
import pathlib
import sys

print(f"{PROFILE=} {SHAPE=} {FOLDER=}", os.environ["DATA"], os.getcwd(), sep="\\n")
print("time and path of a log", file=sys.stderr)
results = pathlib.Path(BUILD, "results")
results.mkdir(parents=True, exist_ok=True)
_ = (results / "9_1.json").write_text(json.dumps({"iou": {"animal": 0.123456}, "losses": list(range(9))}))

# %%
import time

block = b"x" * 200_000_000
time.sleep(0.5)

# %%
from IPython.display import Image, display

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
display(Image(PIXEL), metadata={"alt": 'one "dot"'})

# %%
import ipywidgets

ipywidgets.IntSlider(value=7)
"""

FAILING = """\
# %%
def outer():
    inner()


def inner():
    {}["missing key"]


# %%
answer = 42
outer()

# %%
print("never")
"""

KILLED = "# %%\nimport os\n\nos.kill(os.getpid(), 9)\n"
SLOW = "# %%\nimport time\n\ntime.sleep(60)\n"
FINE = "# %% [markdown]\n# # The last one\n\n# %%\nprint('still', 'here')\n"


def write(folder, **sources):
    folder.mkdir(exist_ok=True)
    for name, source in sources.items():
        (folder / f"{name.removeprefix('n')}.py").write_text(source, encoding="utf-8")
    return folder


def run(base, *arguments):
    """Run the script in `base`, with its kernels' environment put back afterwards."""
    with mock.patch.dict(os.environ), pytest.MonkeyPatch.context() as patch:
        patch.chdir(base)
        return run_notebooks.main(["--notebooks", "notebooks", "--out", "build", *arguments])


def usage_error(base, capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        run(base, *arguments)
    assert stop.value.code == 2
    assert not (base / "build").exists()
    return capsys.readouterr().err


def printed(path):
    """Return all that an executed notebook printed."""
    cells = nbformat.read(path, as_version=4).cells
    return "".join(output.get("text", "") for cell in cells for output in cell.get("outputs", []))


def remote(page):
    """Return what a page fetches from elsewhere when it opens."""
    fetched = r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["']?(https?:[^"'> ]*)|url\(["']?(https?:[^)]*)"""
    return ["".join(found) for found in re.findall(fetched, page)]


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A run of two notebooks with values from the command line."""
    base = tmp_path_factory.mktemp("book")
    write(base / "notebooks", n9_1_shapes=LESSON, n9_2_last=FINE)
    stale = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print('stale')")])
    nbformat.write(stale, base / "notebooks" / "9_1_shapes.ipynb")
    arguments = [
        "-p",
        "PROFILE",
        "book",
        "-p",
        "SHAPE",
        "(3, 4)",
        "-p",
        "FOLDER",
        "some/place",
        "-p",
        "DATA",
        "pets",
    ]
    assert run(base, *arguments) == 0
    return base


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """A run of which three notebooks fail and the last does not, with what was printed."""
    base = tmp_path_factory.mktemp("failed")
    write(base / "notebooks", n9_1_failing=FAILING, n9_2_killed=KILLED, n9_3_slow=SLOW, n9_4_last=FINE)
    with mock.patch("sys.stdout") as stdout:
        status = run(base, "--timeout", "5")
    return base, status, "".join(call.args[0] for call in stdout.write.call_args_list)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Two runs with --store; the stored notebook after each."""
    base = tmp_path_factory.mktemp("stored")
    path = write(base / "notebooks", n9_1_shapes=LESSON) / "9_1_shapes.ipynb"
    texts = []
    for _ in range(2):
        assert run(base, "--store") == 0
        texts.append(path.read_bytes())
    return base, texts


def test_profile_and_folders_reach_the_kernel(book):
    lines = printed(book / "build/notebooks/9_1_shapes.ipynb").splitlines()
    assert "PROFILE='book'" in lines[0]
    assert lines[1:3] == [str(book / "pets"), str(book / "notebooks")]


def test_values_are_injected_after_the_parameters(book):
    cells = nbformat.read(book / "build/notebooks/9_1_shapes.ipynb", as_version=4).cells
    assert cells[1].metadata.tags == ["parameters"]
    assert cells[2].metadata.tags == ["injected-parameters"]
    assert cells[2].source == f"SHAPE = (3, 4)\nFOLDER = {str(book / 'some/place')!r}"
    assert "SHAPE=(3, 4)" in printed(book / "build/notebooks/9_1_shapes.ipynb")
    other = nbformat.read(book / "build/notebooks/9_2_last.ipynb", as_version=4)
    assert len(other.cells) == 2  # it has no such knobs


def test_stale_notebook_does_not_run(book):
    assert "stale" not in printed(book / "build/notebooks/9_1_shapes.ipynb")
    assert "stale" in (book / "notebooks/9_1_shapes.ipynb").read_text()  # and it is left alone


def test_notebook_without_text_source_runs(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print('from ipynb')")])
    nbformat.write(notebook, write(tmp_path / "notebooks") / "9_5_bare.ipynb")
    assert run(tmp_path) == 0
    assert printed(tmp_path / "build/notebooks/9_5_bare.ipynb") == "from ipynb\n"


def test_outcome_is_kept(book):
    outcome = nbformat.read(book / "build/notebooks/9_1_shapes.ipynb", as_version=4).metadata.run
    assert (outcome.status, outcome.profile, outcome.cells) == ("ok", "book", "5/5")
    assert 0.5 < outcome.seconds < 60
    assert outcome.results == [["iou / animal", "0.1235"], ["losses", "0, 1, 2, 3, 4, 5, …"]]


def test_peak_memory_is_plausible(book):
    peak = {
        name: nbformat.read(book / f"build/notebooks/{name}.ipynb", as_version=4).metadata.run.peak
        for name in ("9_1_shapes", "9_2_last")
    }
    assert 10e6 < peak["9_2_last"] < 200e6  # a bare kernel
    assert 160e6 < peak["9_1_shapes"] - peak["9_2_last"] < 300e6  # a block of 200 MB


def test_pages_open_offline(book):
    index = (book / "build/html/index.html").read_text()
    shapes = (book / "build/html/9_1_shapes.html").read_text()
    last = (book / "build/html/9_2_last.html").read_text()
    assert remote('<script async src="https://a.b/c.js">') == ["https://a.b/c.js"]
    assert remote(index) == remote(last) == []
    assert [re.sub("/.*", "", url.split("//")[1]) for url in remote(shapes)] == ["cdnjs.cloudflare.com"]
    assert "<script async" in shapes  # formulas alone, and the page does not wait for them
    assert "require" not in last


def test_pages_show_figures_and_widgets(book):
    page = (book / "build/html/9_1_shapes.html").read_text()
    assert re.search(r'<img alt="one &quot;dot&quot;"|<img alt=\'one "dot"\'', page)
    assert "IntSlider(value=7)" in page


def test_solutions_are_folded(book):
    page = (book / "build/html/9_1_shapes.html").read_text()
    folded = re.search(r"<details><summary>Solution</summary>(.*?)</details>", page, re.DOTALL)[1]
    assert "folded" in folded


def test_index_lists_runs_and_results(book):
    index = html.unescape((book / "build/html/index.html").read_text())
    assert '<a href="9_1_shapes.html">Shapes & areas</a>' in index
    assert '<a href="9_2_last.html">The last one</a>' in index
    assert re.search("<td>iou / animal<td>0.1235", index)
    assert "book\nprofile" in index
    assert "Python 3." in index


def test_nothing_half_written_remains(book, failed):
    for base in (book, failed[0]):
        assert not list(base.rglob(".unfinished*"))


def test_failing_cell_is_reported(failed):
    base, status, report = failed
    part = report.split("9_2_killed")[0]
    assert status == 1
    assert "  | answer = 42\n  | outer()\n" in part
    assert "KeyError: 'missing key'" in part
    assert "1 more" in part  # the frame between the cell and the error
    assert "\x1b" not in report
    assert f"open {Path('build/notebooks/9_1_failing.ipynb')}" in part
    assert f"{Path('notebooks/9_1_failing.py')} to mend it" in part
    assert (base / "build/html/9_1_failing.html").read_text().count("missing key") >= 2


def test_dead_kernel_and_slow_cell_are_reported(failed):
    base, _, report = failed
    assert "os.kill(os.getpid(), 9)\n\nthe kernel died: out of memory?" in report
    assert "time.sleep(60)\n\nthe cell ran longer than 5 s" in report
    outcome = nbformat.read(base / "build/notebooks/9_2_killed.ipynb", as_version=4).metadata.run
    assert outcome.seconds < 15
    assert (outcome.status, outcome.cells) == ("kernel died", "0/1")


def test_later_notebooks_still_run(failed):
    base, _, report = failed
    assert printed(base / "build/notebooks/9_4_last.ipynb") == "still here\n"
    rows = [line.split() for line in report.partition("peak memory")[2].splitlines()[1:5]]
    assert [(row[0], row[1]) for row in rows] == [
        ("9_1_failing", "1/3"),
        ("9_2_killed", "0/1"),
        ("9_3_slow", "0/1"),
        ("9_4_last", "1/1"),
    ]
    assert [" ".join(row[6:]) for row in rows] == ["failed", "kernel died", "timed out", "ok"]


def test_stored_cells_are_those_of_the_text(kept):
    base, _ = kept
    notebook = jupytext.read(base / "notebooks/9_1_shapes.ipynb")
    source = jupytext.read(base / "notebooks/9_1_shapes.py")
    assert [(c.cell_type, c.source) for c in notebook.cells] == [(c.cell_type, c.source) for c in source.cells]
    body = jupytext.writes(notebook, fmt="py:percent").partition("# ---\n\n")[2]
    assert body == LESSON.partition("# ---\n\n")[2]
    nbformat.validate(notebook)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


def test_stored_outputs_are_those_of_the_run(kept):
    base, _ = kept
    notebook = nbformat.read(base / "notebooks/9_1_shapes.ipynb", as_version=4)
    assert "PROFILE='sample' SHAPE=(1, 2)" in notebook.cells[2].outputs[0].text
    assert [cell.execution_count for cell in notebook.cells[1:]] == [1, 2, 3, 4, 5]
    assert notebook.cells[4].outputs[0].metadata.alt == 'one "dot"'
    assert notebook.cells[5].outputs[0].data == {"text/plain": "IntSlider(value=7)"}


def test_stored_notebook_has_no_trace_of_the_run(kept):
    base, texts = kept
    assert texts[0] == texts[1]
    notebook = json.loads(texts[0])
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    executed = (base / "build/notebooks/9_1_shapes.ipynb").read_bytes()
    for word in (b"papermill", b"start_time", b'"stderr"', b"pygments_lexer"):
        assert word not in texts[0]
        assert word in executed  # else the line above says nothing
    assert b"text_representation" not in texts[0]
    assert b"widget-view" not in texts[0]


def test_unknown_knob_lists_the_knobs(tmp_path, capsys):
    write(tmp_path / "notebooks", n9_1_shapes=LESSON, n9_2_last=FINE)
    error = usage_error(tmp_path, capsys, "-p", "EPOCS", "1", "-p", "SHAPE", "1")
    assert "no knob EPOCS; did you mean EPOCHS?" in error
    assert re.search(r"EPOCHS = knob\(sample=12, book=50\) +# passes, größer is better", error)
    assert re.search(r"FOLDER = \['a', 'b'\] +# two folders", error)
    assert "9_2_last has none" in error


def test_broken_parameters_are_named(tmp_path, capsys):
    write(tmp_path / "notebooks", n9_1_shapes=LESSON.replace("knob = dict", "knob = "))
    assert "invalid syntax (parameters cell, line 4)" in usage_error(tmp_path, capsys)


def test_half_a_results_file_is_ignored(tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    (results / "9_2.json").write_text('{"iou": 1}')
    assert run_notebooks.fresh_results(tmp_path, "9_2_last", started=0) == [("iou", "1")]
    assert run_notebooks.fresh_results(tmp_path, "9_2_last", started=2e10) == []  # of an earlier run
    (results / "9_2.json").write_text('{"iou":')
    assert run_notebooks.fresh_results(tmp_path, "9_2_last", started=0) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "9_7"], "no notebook 9_7"),
        (["--profile", "boook"], "boook"),
        (["-p", "PROFILE", "boook"], "no profile boook"),
        (["--store", "-p", "SHAPE", "1"], "--store"),
        (["--store", "--profile", "book"], "--store"),
        (["--only", "9_2", "-p", "SHAPE", "1"], "no knob SHAPE"),
        (["-p", "knob", "1"], "no knob knob"),
    ],
)
def test_wrong_calls(tmp_path, capsys, arguments, message):
    write(tmp_path / "notebooks", n9_1_shapes=LESSON, n9_2_last=FINE)
    assert message in usage_error(tmp_path, capsys, *arguments)


def test_only_chooses_by_prefix(tmp_path):
    notebooks = write(tmp_path / "notebooks", n9_1_shapes=LESSON, n9_2_last=FINE, helper="x = 1\n")
    assert list(run_notebooks.choose(notebooks, [])) == ["9_1_shapes", "9_2_last"]
    assert list(run_notebooks.choose(notebooks, ["9_2"])) == ["9_2_last"]
    assert list(run_notebooks.choose(notebooks, ["9_2", "9_1_sh"])) == ["9_1_shapes", "9_2_last"]
    with pytest.raises(LookupError, match="9_1_shapes\n  9_2_last"):
        run_notebooks.choose(notebooks, ["9_1", "9_3"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64", 64),
        ("-1", -1),
        ("1e-3", 1e-3),
        ("True", True),
        ("None", None),
        ("(96, 128)", (96, 128)),
        ("{1: 'a'}", {1: "a"}),
        ("'64'", "64"),
        ("mixed7", "mixed7"),
        ("", ""),
        ("2024-01-02", "2024-01-02"),
        ("https://example.org/cat.jpg", "https://example.org/cat.jpg"),
    ],
)
def test_values_are_literals_or_text(text, value):
    parsed = run_notebooks.parse_value(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_paths_are_relative_to_where_they_are_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cat.jpg").touch()
    assert run_notebooks.parse_value("cat.jpg") == str(tmp_path / "cat.jpg")
    assert run_notebooks.parse_value("dog.jpg") == "dog.jpg"  # neither there nor in a folder
    assert run_notebooks.parse_value("made/later") == str(tmp_path / "made" / "later")
    assert run_notebooks.parse_value("../up") == str(tmp_path.parent / "up")
    assert run_notebooks.parse_value(str(tmp_path)) == str(tmp_path)
    assert run_notebooks.parse_value("['cat.jpg', 'dog']") == [str(tmp_path / "cat.jpg"), "dog"]
