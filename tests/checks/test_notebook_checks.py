"""The notebook checks on small notebooks of their own: faults are planted, and each is caught for its reason."""

import base64
import copy
import io
import json
import os
import re
import sys
from unittest import mock

import jupytext
import nbformat
import numpy as np
import pytest
from matplotlib import pyplot as plt
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from notebook_checks import Failure, limits_of, plugin, recorded
from notebook_checks.outputs import compare, flatten
from notebook_checks.stored import CHAPTER, CHECKS, Stored
from project_copy import run_pytest

CPU = limits_of(new_code_cell(), "cpu")


def printed(text):
    return [new_output("stream", text=text)]


def displayed(figure=None, alt="a ramp", **data):
    if figure is not None:
        data["image/png"] = figure
    return [new_output("display_data", data, metadata={"image/png": {"alt": alt}} if figure else {})]


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(np.uint8(pixels)).save(file, "png")
    return base64.b64encode(file.getvalue()).decode()


def draw(legend=("animal", "outline"), cmap="viridis", shift=0):
    """Return a figure as the notebooks draw them: a mask with its legend, PNG."""
    mask = np.zeros((64, 64))
    mask[20:50, 10 + shift : 40 + shift] = 1
    fig, ax = plt.subplots(figsize=(4, 4), dpi=80)
    ax.imshow(mask, cmap=cmap)
    for name, color in zip(legend, ("#E69F00", "#0B3C5D"), strict=True):
        ax.plot([], [], "s", color=color, label=name)
    ax.legend()
    file = io.BytesIO()
    fig.savefig(file)
    plt.close(fig)
    return base64.b64encode(file.getvalue()).decode()


# Numbers and texts


@pytest.mark.parametrize(
    ("stored", "fresh"),
    [
        ("IoU 0.8730", "IoU 0.8735"),  # within 0.1 % and half a unit of the last digit
        ("loss 1.000e-03", "loss 1.001e-03"),
        ("loss 9.999e-04", "loss 1.000e-03"),
        ("share  9.998%", "share 10.002%"),  # padding follows the length
        ("[-0.50000, .25]", "[-0.50010, 0.25]"),
        ("nothing but text", "nothing but text"),
    ],
)
def test_numbers_within_the_tolerance_pass(stored, fresh):
    compare(printed(stored), printed(fresh), CPU)


@pytest.mark.parametrize(
    ("stored", "fresh", "message"),
    [
        ("IoU 0.873", "IoU 0.882", r"expected 0.873, actual 0.882, tolerance 0.0014"),  # 1 % off
        ("IoU 0.87", "IoU 0.88", r"expected 0.87, actual 0.88"),
        ("loss 1.00e-04", "loss 1.01e-04", r"expected 1.00e-04, actual 1.01e-04"),
        ("shift -0.500", "shift 0.500", "expected -0.500, actual 0.500"),
        ("2000 pictures", "2001 pictures", "expected 2000, actual 2001, tolerance 0"),
        ("2,880,643 parameters", "2,880,644 parameters", "expected 643, actual 644, tolerance 0"),
        ("conv2d_1 0.5", "conv2d_2 0.5", "stdout differs; only numbers"),
        ("version 19.21.0", "version 19.22.0", "stdout differs; only numbers"),
        ("IoU 0.5", "IoU nan", "stdout differs; only numbers"),
        ("0.5 0.6", "0.5 0.6 0.7", "stdout differs; only numbers"),
        ("animal 0.5\noutline 0.4", "outline 0.5\nanimal 0.4", r"-animal 0.5\n"),
    ],
)
def test_other_numbers_and_texts_fail(stored, fresh, message):
    with pytest.raises(Failure, match=message):
        compare(printed(stored), printed(fresh), CPU)


def test_a_cell_sets_its_tolerances_for_each_device():
    cell = new_code_cell(metadata={"nbval": {"rtol": {"cpu": 0.02}, "atol": 0.5, "timeout": 60}})
    assert limits_of(cell, "cpu") == {"rtol": 0.02, "atol": 0.5, "figure_rms": 0.005, "figure_size": 0, "timeout": 60}
    assert limits_of(cell, "gpu") == {"rtol": 0.01, "atol": 0.5, "figure_rms": 0.02, "figure_size": 0, "timeout": 60}
    cell = new_code_cell(metadata={"nbval": {"rtol": {"cpu": 1e-3, "gpu": 0.05}}})
    numbers = printed("IoU 0.873"), printed("IoU 0.901")
    assert compare(*numbers, limits_of(cell, "gpu")) == (1, 0)
    with pytest.raises(Failure, match=r"rtol 0\.001, atol 1e-08"):
        compare(*numbers, limits_of(cell, "cpu"))


def test_errors_and_tables_are_compared():
    error = [new_output("error", ename="ValueError", evalue="size is 100", traceback=[])]
    other = [new_output("error", ename="ValueError", evalue="size is 101", traceback=[])]
    assert compare(error, error, CPU) == (0, 0)
    with pytest.raises(Failure, match="numbers in error differ"):
        compare(error, other, CPU)
    table = {"text/html": "<td>1.5000", "text/plain": "1.5000"}
    assert compare(displayed(**table), displayed(**table), CPU) == (1, 0)
    with pytest.raises(Failure, match="text/html differs; it has no tolerance"):
        compare(displayed(**table), displayed(**table | {"text/html": "<td>1.5001"}), CPU)


def test_outputs_that_are_missing_or_too_many_fail():
    figure = png(np.zeros((4, 4)))
    for stored, fresh in (
        (printed("a") + displayed(figure), printed("a")),  # deleted
        (printed("a"), printed("a") + displayed(figure)),
        (printed("a"), [*printed("a"), new_output("stream", name="stderr", text="noise")]),
    ):
        with pytest.raises(Failure, match="other kinds of outputs"):
            compare(stored, fresh, CPU)
    pieces = printed("by layer: ") + printed("1, 2\n")
    assert flatten(pieces) == flatten(pieces) == [("stdout", "by layer: 1, 2\n")]
    pieces = printed("a\n") + displayed(figure) + printed("b\n")
    assert compare(printed("a\nb\n") + displayed(figure), pieces, CPU) == (0, 1)  # flushed in between


# Figures


def test_same_figures_pass():
    assert compare(displayed(draw()), displayed(draw()), CPU) == (0, 1)
    grey = np.full((8, 8), 100)
    assert compare(displayed(png(grey)), displayed(png(grey + 1)), CPU) == (0, 1)  # 0.4 % of the range


@pytest.mark.parametrize(
    "changes", [{"legend": ("outline", "animal")}, {"cmap": "magma"}, {"cmap": "cividis"}, {"shift": 1}], ids=str
)
def test_other_figures_fail(changes):
    with pytest.raises(Failure, match=r"a figure differs: .* tolerance 0.005") as caught:
        compare(displayed(draw()), displayed(draw(**changes)), CPU)
    assert len(caught.value.pictures) == 2


def test_a_figure_may_have_another_size_where_its_cell_says_so():
    first, wider = displayed(png(np.zeros((40, 60)))), displayed(png(np.zeros((40, 61))))
    assert compare(first, wider, CPU | {"figure_size": 0.02}) == (0, 1)
    with pytest.raises(Failure, match="another size"):
        compare(first, wider, CPU | {"figure_size": 0.01})
    with pytest.raises(Failure, match="expected 0, actual 1"):
        compare(first, displayed(png(np.ones((40, 61)) * 255)), CPU | {"figure_size": 0.02})


def test_swapped_figures_other_sizes_and_other_alt_texts_fail():
    first, second = displayed(png(np.zeros((4, 6)))), displayed(png(np.ones((4, 6)) * 255))
    with pytest.raises(Failure, match=r"expected 0, actual 1\.0000"):
        compare(first + second, second + first, CPU)
    with pytest.raises(Failure, match="another size: expected 6 × 4 pixels, actual 6 × 5"):
        compare(first, displayed(png(np.zeros((5, 6)))), CPU)
    with pytest.raises(Failure, match="alt text differs"):
        compare(first, displayed(png(np.zeros((4, 6))), alt="a dog"), CPU)


# Notebooks as they are stored


PROSE = """\
# A tidy notebook

| section of the book | what | cells | minutes |
|---|---|---|---|
| 9.2 Tidy | cells | 1–N | 1 |

## 9.2 Tidy

In 5,801 pictures, 44 % of 0.123 and 16 bits, beside the book's 2,880,643 and 90.8 %.
`99.5` and [a link](https://a.org/77.7) are none.

> **Predict, then run.** Up to 5,801? <details><summary>Answer</summary>77.</details>

## Glossary

- **cell**: a part of a notebook.
"""


def tidy():
    """Return five cells without a fault: text, a figure, an ignored output, a setting, an error."""
    cells = [new_code_cell("x = 1", outputs=printed("see ../data and https://a.org/tmp/x, 1 / 2")) for _ in range(5)]
    cells[0].metadata = nbformat.from_dict({"tags": ["step-9.2-1"]})
    cells[3].outputs = printed("see ../data and https://a.org/tmp/x: 5801 pictures, 43.6%, 1.23e-1")
    cells[0].source = cells[1].source = "# Step 9.2-1, step 9.2-2, figure 9.3, step 9.2-9\nx = 1"
    cells[1].outputs = displayed(png(np.zeros((4, 4))))
    cells[1].metadata = nbformat.from_dict({"tags": ["claim-1", "step-9.2-2", "figure-9.3"]})
    cells[2].metadata = nbformat.from_dict({"tags": ["nbval-ignore-output"], "nbval": {"reason": "a clock"}})
    cells[3].metadata = nbformat.from_dict({"nbval": {"rtol": {"cpu": 1e-3, "gpu": 5e-2}, "timeout": 3}})
    cells[3].source = "\n".join(["x = 1"] * 30)
    for number, cell in enumerate(cells, 1):
        cell.execution_count = number
    return cells


FAULTS = {  # a check, and what makes it fail
    "run in order": [
        lambda cells: cells[1].update(execution_count=None),
        lambda cells: cells.pop(2),
        lambda cells: cells.insert(2, cells.pop(3)),
    ],
    "chapter tags": [
        lambda cells: cells[1].metadata.tags.remove("step-9.2-2"),
        lambda cells: cells[0].metadata.update(tags=["step-9.2-1", "step-9.2-9"]),
        lambda cells: (cells[0].metadata.update(tags=["figure-9.3"]), cells[1].metadata.update(tags=["step-9.2-1"])),
        lambda cells: cells[1].metadata.update(tags=["figure-9.3", "step-9.2-2"]),
    ],
    "short cells": [lambda cells: cells[3].update(source=cells[3].source + "\nx")],
    "no stderr": [lambda cells: cells[0].outputs.append(new_output("stream", name="stderr", text="noise"))],
    "no machine paths": [
        lambda cells, path=path: cells[0].update(outputs=printed(f"saved to {path}"))
        for path in ("/".join(["", "home", "ada", "pets"]), "/".join(["", "tmp", "x"]), "C:" + r"\Users\ada")
    ],
    "no addresses": [
        lambda cells: cells[0].update(outputs=displayed(**{"text/plain": "<AxesImage at 0x7f0123abcdef>"})),
        lambda cells: cells[0].update(outputs=printed("calls to <function f.<locals>.g at 0x7f0123abcdef> retrace")),
    ],
    "alt texts": [
        lambda cells: cells[1].outputs[0].metadata.clear(),
        lambda cells: cells[1].outputs[0].metadata["image/png"].update(alt=" "),
    ],
    "known settings": [
        lambda cells: cells[0].metadata.update(nbval={"rtoll": 1}),
        lambda cells: cells[0].metadata.update(nbval={"rtol": {"tpu": 1}}),
    ],
    "reasons": [lambda cells: cells[2].metadata.pop("nbval")],
    "few ignored": [lambda cells: cells[4].update(metadata=copy.deepcopy(cells[2].metadata))],
    "numbers in sight": [
        lambda cells: cells[0].update(source="x = 1"),
        lambda cells: cells[0].update(source="# Step 9.2-11"),
        lambda cells: cells[1].update(source=cells[1].source.replace("figure 9.3", "figure 9.30")),
    ],
    "results computed": [
        lambda cells: cells[4].update(source='results = {"iou": 0.78, "losses": losses}'),
        lambda cells: cells[4].update(source='results = {"iou": {"animal": iou, "outline": [0.5]}}'),
    ],
    "few knobs": [
        lambda cells: cells[4].update(
            metadata={"tags": ["parameters"]}, source="\n".join(f"K{chr(65 + i)} = 1" for i in range(11))
        )
    ],
}
SLIPS = {  # the same for the prose
    "contents": [
        ("1–N", "1–4"),
        ("| 9.2 Tidy | cells | 1–N | 1 |\n", ""),
        ("| 9.2 Tidy |", "| 9.3 Tidy |"),
        ("summary>", "b>"),
        ("## Glossary", "## Terms"),
    ],
    "numbers in prose": [
        ("In 5,801", "In 5,800"),
        ("44 %", "45 %"),
        ("0.123", "0.124"),
        ("the book's", "our"),
        ("90.8 %", "91 %"),
        ("90.8 %", "8 %"),  # of the book no rounding: it has 0.077
        ("to 5,801", "to 5,810"),
    ],
}


def complaints(folder, cells, written=None, prose=PROSE):
    """Store a notebook and its text source; return the checks that complain, with what they say."""
    parts = [
        new_markdown_cell(part.strip())
        for part in prose.replace("\n## ", "\n@## ").replace("1–N", f"1–{len(cells)}").split("@")
    ]
    stored, written = ([*parts[:2], *code, *parts[2:]] for code in (cells, written or cells))
    nbformat.write(new_notebook(cells=stored), folder / "tidy.ipynb")
    jupytext.write(new_notebook(cells=written), folder / "tidy.py", fmt="py:percent")
    stored = Stored(folder / "tidy.ipynb")
    return {name: found for name, check in CHECKS.items() if (found := list(check(stored)))}


@pytest.fixture
def chapter(monkeypatch):
    monkeypatch.setitem(CHAPTER, "tidy", ["step-9.2-1", "step-9.2-2", "figure-9.3"])


@pytest.mark.usefixtures("chapter")
def test_tidy_notebook_has_no_complaints(tmp_path):
    assert complaints(tmp_path, tidy()) == {}
    assert set(CHECKS) == {"in step", "promises", *FAULTS, *SLIPS}


@pytest.mark.usefixtures("chapter")
@pytest.mark.parametrize(("check", "fault"), [(check, fault) for check, faults in FAULTS.items() for fault in faults])
def test_every_check_catches_its_faults(tmp_path, check, fault):
    cells = tidy()
    fault(cells)
    assert list(complaints(tmp_path, cells)) == [check]


LOOSER = {  # what makes a notebook less checked, or a claim another one, and what is said then
    "assertion removed": (lambda cells: cells[4].update(source="x = 1"), "untagged, 2 is checked by nothing"),
    "tolerance raised": (lambda cells: cells[3].metadata.nbval.update(rtol=10), "untagged, 1 is checked by .*10"),
    "tolerance added": (
        lambda cells: cells[0].metadata.update(nbval={"atol": 1}),
        "step-9.2-1, 1 .* record is nothing",
    ),
    "cell ignored": (
        lambda cells: cells[0].metadata.update(tags=["nbval-ignore-output"], nbval={"reason": "times differ"}),
        "ignore-output, 1 is checked by .*times differ",
    ),
    "claim changed": (lambda cells: cells[2].update(source="Pooling is better."), "what is said of claim-1 is"),
}


@pytest.mark.parametrize("fault", LOOSER)
def test_what_a_notebook_promised_is_on_record(tmp_path, monkeypatch, fault):
    cells = tidy()
    cells[4].source = "assert x == 1"
    cells.insert(2, new_markdown_cell("Pooling is worse."))
    monkeypatch.setattr(recorded, "RECORD", tmp_path / "recorded.json")
    recorded.RECORD.write_text(json.dumps({"tidy": recorded.list_promises(cells)}))

    def judge():
        nbformat.write(new_notebook(cells=cells), tmp_path / "tidy.ipynb")
        return list(CHECKS["promises"](Stored(tmp_path / "tidy.ipynb")))

    assert judge() == []
    cells[1:1], cells[4].metadata["nbval"]["timeout"] = [new_markdown_cell("More is said elsewhere.")], 99
    assert judge() == []
    del cells[1]
    change, told = LOOSER[fault]
    code = cells[:2] + cells[3:]
    change(cells if fault == "claim changed" else code)
    complaints = judge()
    assert any(re.search(told, complaint) for complaint in complaints), complaints


@pytest.mark.usefixtures("chapter")
@pytest.mark.parametrize(("check", "slip"), [(check, slip) for check, slips in SLIPS.items() for slip in slips])
def test_every_slip_in_prose_is_caught(tmp_path, check, slip):
    assert PROSE.count(slip[0]) in (1, 2)
    assert list(complaints(tmp_path, tidy(), prose=PROSE.replace(*slip))) == [check]


@pytest.mark.usefixtures("chapter")
@pytest.mark.parametrize(
    ("fault", "number"),
    [
        (lambda cells: cells[3].update(source="x = 2"), 6),
        (lambda cells: cells[1].metadata.tags.append("claim-2"), 4),
        (lambda cells: cells.insert(0, new_markdown_cell("Prose.")), 3),
        (lambda cells: cells.pop(), 7),
    ],
)
def test_text_source_out_of_step_is_caught(tmp_path, fault, number):
    written = tidy()
    fault(written)
    said = {"in step": [f"cell {number} of all is another one in tidy.py: run `make outputs`"]}
    assert complaints(tmp_path, tidy(), written) == said


# Whole runs of pytest

FIRST = """\
import os, sys, time
from IPython.display import clear_output, display
from PIL import Image
print(os.path.basename(os.getcwd()), os.environ["TQDM_DISABLE"], os.environ["TF_CPP_MIN_LOG_LEVEL"])
unwanted = ("PYTEST_CURRENT_TEST", "PROFILE", "DATA", "COLUMNS")
print(os.path.relpath(os.environ["BUILD"]), [n for n in unwanted if n in os.environ])
print(os.environ["MPLBACKEND"])"""
BUILD = f"../{plugin.OUT}"


def cell(source, *outputs, **metadata):
    return new_code_cell(source, outputs=[output for group in outputs for output in group], metadata=metadata)


def notebook(name, *cells):
    """Return a notebook with stored outputs: a first cell that shows the environment, cells, a last cell."""
    environment = f"notebooks 1 3\n{BUILD}/{name} []\nmodule://matplotlib_inline.backend_inline\n"
    cells = [cell(FIRST, printed(environment)), *cells, cell("print('the end')", printed("the end\n"))]
    for number, one in enumerate(cells, 1):
        one.execution_count = number
    return new_notebook(cells=cells)


SHOW = "display(Image.new('L', (8, 8), {}), include=['image/png'], metadata={{'image/png': {{'alt': 'grey'}}}})"
GREY = displayed(png(np.full((8, 8), 100)), alt="grey")
IGNORE = ["nbval-ignore-output"]
FAKE_GPU = """\
from types import SimpleNamespace
devices = SimpleNamespace(list_physical_devices=lambda kind: [kind] if kind == "GPU" else [])
sys.modules["tensorflow"] = SimpleNamespace(config=devices)
print('IoU', 0.891)"""
NOTEBOOKS = {  # all but the first two fail in their second cell
    "sound": [
        cell("print('IoU', 0.873)", printed("IoU 0.8735\n")),
        cell(SHOW.format(100), GREY),
        cell("print(time.time())", printed("12.5\n"), tags=IGNORE, nbval={"reason": "a clock"}),
        cell(
            "1 / 0",
            [new_output("error", ename="ZeroDivisionError", evalue="division by zero")],
            tags=["raises-exception"],
        ),
        cell(
            "for i in range(3):\n    clear_output(wait=True)\n    display(i)\n    display(-i)",
            displayed(**{"text/plain": "2"}) + displayed(**{"text/plain": "-2"}),
        ),
        cell("for i in range(3):\n    print(i)\n    clear_output()"),
        cell(
            "shown = display('loss', display_id='x')\nshown.update('loss 0.5')",
            displayed(**{"text/plain": "'loss 0.5'"}),
        ),
    ],
    "gpu": [cell(FAKE_GPU, printed("IoU 0.873\n"), nbval={"rtol": {"cpu": 1e-3, "gpu": 5e-2}})],
    "drifted": [cell("print('IoU', 0.873 * 1.01)", printed("IoU 0.873\n"))],
    "repainted": [cell(SHOW.format(110), GREY)],
    "cleared": [cell("print('IoU', 0.873)")],
    "broken": [cell("print(undefined)", printed("1\n"))],
    "uncompared noise": [
        cell("os.system('echo 2 >&2; sleep 1')", printed("0\n"), tags=IGNORE, nbval={"reason": "a clock"})
    ],
    "magic": [cell("%no_such_magic")],
    "killed": [cell("os.kill(os.getpid(), 9)")],
    "hung": [cell("while True: pass", nbval={"timeout": 2})],
}
REASONS = {
    "drifted": "numbers in stdout differ; rtol 0.001, atol 1e-08\nexpected 0.873, actual 0.88173, tolerance 0.0014",
    "repainted": "a figure differs: root mean square expected 0, actual 0.0392, tolerance 0.005",
    "cleared": "no output is stored, but the cell shows (`make outputs` stores it)\nstdout: IoU 0.873",
    "broken": "the cell raised NameError: name 'undefined' is not defined",
    "uncompared noise": "the cell, which is not compared, prints to standard error\n2",
    "magic": "the cell raised UsageError: Line magic function `%no_such_magic` not found",
    "killed": "the kernel was killed by signal 9: out of memory?",
    "hung": "the cell ran longer than its limit of 2 s",
}


def run_notebooks(folder, notebooks, *arguments):
    """Run pytest on notebooks; return the PytestRun with cases by (notebook, item)."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "notebooks").mkdir()
    for name, cells in notebooks.items():
        nbformat.write(notebook(name, *copy.deepcopy(cells)), folder / "notebooks" / f"{name}.ipynb")
    options = ("-p", "notebook_checks.plugin", "--nbval", "--nbval-current-env", *arguments)
    done = run_pytest(
        folder, *options, PYTHONPATH=os.pathsep.join(sys.path), PROFILE="book", DATA="x", MPLBACKEND="agg"
    )
    done.cases = {(path.split(".")[1], item): case for (path, item), case in done.cases.items()}
    return done


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_notebooks(tmp_path_factory.mktemp("project"), NOTEBOOKS, "-n2", "--dist=loadfile")


def test_sound_notebook_passes_in_the_environment_of_a_plain_run(run):
    outcomes = [value[:2] for (name, _), value in run.cases.items() if name == "sound"]
    assert outcomes == [("passed", "")] * (len(CHECKS) + len(NOTEBOOKS["sound"]) + 2), run.text
    assert run.status == 1
    assert {name for name, _ in run.cases} == set(NOTEBOOKS)


@pytest.mark.parametrize("name", list(REASONS))
def test_fault_is_caught_for_its_reason_and_the_rest_is_not_run(run, name):
    assert run.cases[name, "cell 1"][0] == "passed", run.text
    outcome, text, _ = run.cases[name, "cell 2"]
    assert outcome == "failure"
    assert text.startswith(f"cell 2: {REASONS[name]}")
    assert f"  | {NOTEBOOKS[name][0].source.splitlines()[0]}" in text  # the cell is named and shown
    outcome, text, _ = run.cases[name, "cell 3"]
    assert (outcome, "not run, for cell 2 failed" in text) == ("skipped", True)
    others = {item: value[0] for (stem, item), value in run.cases.items() if stem == name and "cell " not in item}
    assert set(others.values()) == {"passed"}


def test_summary_counts(run):
    lines = [line.strip() for line in run.text.splitlines()]
    start = lines.index("notebooks/sound.ipynb: 9 of 9 cells executed")
    assert lines[start + 1 : start + 4] == [
        "5 compared exactly, 3 with tolerance, 1 figures compared",
        "1 ignored (11.1%)",
        "cell 4: a clock",
    ]
    assert re.fullmatch(r"\d+ s, \d+ MB at most", lines[start + 4])
    assert "notebooks/broken.ipynb: 2 of 3 cells executed" in lines
    assert lines.count("1 cells not run, for cell 2 failed") == len(REASONS)


def test_differing_figure_is_shown(run):
    out = run.folder / plugin.OUT
    assert "see build/notebook-checks/repainted/figures/cell-2/difference.png" in run.cases["repainted", "cell 2"][1]
    levels = {name: 0 for name in ("expected", "actual", "difference")}
    for name in levels:
        levels[name] = Image.open(out / "repainted/figures/cell-2" / f"{name}.png").getpixel((4, 4))
    assert levels == {"expected": (100,) * 3, "actual": (110,) * 3, "difference": (10,) * 3}
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "differ from the stored ones: 1<" in page
    assert 'src="repainted/figures/cell-2/actual.png"' in page


def test_gpu_has_its_own_tolerances(run):
    outcomes = [value[:2] for (name, _), value in run.cases.items() if name == "gpu"]
    assert set(outcomes) == {("passed", "")}, run.text
    assert "GPU checks: 2 cells within GPU tolerances" in run.text  # the last cell, too


def test_other_nbval_and_scattered_cells_are_refused(monkeypatch):
    for scattered in ("load", "worksteal", "each"):
        with pytest.raises(pytest.UsageError, match="add --dist loadfile"):
            plugin.pytest_configure(mock.Mock(**{"getoption.return_value": scattered}))
    config = mock.Mock(**{"getoption.return_value": "loadscope"})
    plugin.pytest_configure(config)
    monkeypatch.setattr(plugin, "NBVAL", "0.12")
    with pytest.raises(pytest.UsageError, match=r"made for nbval 0\.12; found 0\.11"):
        plugin.pytest_configure(config)


def test_a_lesson_finds_what_another_trained_but_nothing_of_an_earlier_session(tmp_path, monkeypatch):
    first, *_, last = plugin.LESSONS
    with plugin.borrow_folder(tmp_path, first) as folder:
        (folder / "network.keras").touch()
    with plugin.borrow_folder(tmp_path, last) as folder:
        assert (folder / "network.keras").exists()
    with plugin.borrow_folder(tmp_path, "another") as folder:
        assert not (folder / "network.keras").exists()
    monkeypatch.setenv(plugin.SESSION, "another")
    with plugin.borrow_folder(tmp_path, last) as folder:
        assert not (folder / "network.keras").exists()


def test_one_worker_runs_the_lessons():
    config = mock.Mock(**{"getoption.return_value": "loadfile", "getvalue.return_value": ["popen"]})
    cells = [f"notebooks/{stem}.ipynb::cell {number}" for stem in plugin.LESSONS for number in (1, 2)]
    scheduler = plugin.pytest_xdist_make_scheduler(config, None)
    assert {scheduler._split_scope(cell) for cell in cells} == {"lessons"}
    assert scheduler._split_scope("tests/test_a.py::test_b") == "tests/test_a.py"
    config.getoption.return_value = "loadscope"
    assert plugin.pytest_xdist_make_scheduler(config, None) is None
