"""The command: wrong calls, and a run of which three notebooks fail and the last does not."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

import psutil
import pytest

import run_notebooks
from small_notebooks import FINE, LESSON, join_printed, read_executed, run_command, write_notebooks

FAILING = "# %%\ndef outer(): inner()\ndef inner(): {}['missing key']\n# %%\nanswer = 42\nouter()\n# %%\nnever\n"
KILLED = "# %%\nimport os\n\nos.kill(os.getpid(), 9)\n"
# Says that it has begun, waits until others have, and says that it is done.
MEETING = """\
# %%
import os
import time

open("{0}-begun", "w").close()
deadline = time.monotonic() + 60
for other in {1}:
    while not os.path.exists(other + "-begun"):
        assert time.monotonic() < deadline, other + " has not begun"
        time.sleep(0.1)
open("{0}-done", "w").close()
"""
TAKING = "# %%\nimport os\n\nprint({'9_2_long': os.path.exists('long-done')})\n"
DIVERGED = "# %%\nclass DivergedError(ArithmeticError): pass\n\n\nraise DivergedError('the loss is nan')\n"  # like ours
SLOW = "# %%\nimport time\n\ntime.sleep(60)\n"


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """The folder, the exit status, and what was printed."""
    base = tmp_path_factory.mktemp("failed")
    sources = {"9_1_failing": FAILING, "9_2_killed": KILLED, "9_3_slow": SLOW, "9_4_last": FINE}
    sources["9_5_diverged"] = DIVERGED
    write_notebooks(base / "notebooks", sources)
    with redirect_stdout(io.StringIO()) as report:
        status = run_command(base, "--timeout", "10", pages=True)
    return base, status, report.getvalue()


def test_failing_cell_is_reported(failed):
    base, status, report = failed
    part = read_executed(base, "9_1_failing").metadata.run.report
    assert status == 1
    assert f"\n9_1_failing: {part}\n" in report
    assert "  | answer = 42\n  | outer()\n" in part
    assert "KeyError: 'missing key'" in part
    assert "1 more" in part  # the frame between the cell and the error
    assert "\x1b" not in report
    assert f"open {Path('build/notebooks/9_1_failing.ipynb')}" in part
    assert f"{Path('notebooks/9_1_failing.py')} to mend it" in part
    assert (base / "build/html/notebooks/9_1_failing.html").read_text().count("missing key") >= 2


def test_dead_kernel_and_slow_cell_are_reported(failed):
    base, _, report = failed
    assert "os.kill(os.getpid(), 9)\n\nthe kernel died: out of memory?" in report
    assert "time.sleep(60)\n\nthe cell ran longer than 10 s" in report
    run = read_executed(base, "9_2_killed").metadata.run
    assert (run.status, run.cells) == ("kernel died", "0/1")


def test_later_notebooks_still_run(failed):
    base, _, report = failed
    assert join_printed(read_executed(base, "9_4_last")) == "still here\n"
    assert 'href="notebooks/9_4_last.html"' in (base / "build/html/index.html").read_text()
    rows = [line.split() for line in report.partition("peak memory")[2].splitlines()[1:6]]
    assert [row[0] for row in rows] == ["9_1_failing", "9_2_killed", "9_3_slow", "9_4_last", "9_5_diverged"]
    assert [row[1] for row in rows] == ["1/3", "0/1", "0/1", "1/1", "0/1"]
    assert [" ".join(row[6:]) for row in rows] == ["failed", "kernel died", "timed out", "ok", "diverged"]


def test_two_run_at_once_and_a_third_waits_for_what_it_takes(tmp_path):
    sources = {"9_1_short": MEETING.format("short", ["long"]), "9_2_long": MEETING.format("long", ["short", "last"])}
    sources |= {"9_3_taking": TAKING, "9_4_last": MEETING.format("last", [])}
    write_notebooks(tmp_path / "notebooks", sources)
    with redirect_stdout(io.StringIO()) as report:
        assert run_command(tmp_path, "--jobs", "2") == 0
    begun = [line.split(":")[0] for line in report.getvalue().splitlines() if line.endswith(": running")]
    assert begun == ["9_1_short", "9_2_long", "9_4_last", "9_3_taking"]
    assert join_printed(read_executed(tmp_path, "9_3_taking")) == "{'9_2_long': True}\n"
    rows = report.getvalue().partition("peak memory")[2].split()
    assert [row for row in rows if row.startswith("9_")] == ["9_1_short", "9_2_long", "9_3_taking", "9_4_last"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_notebook_whose_process_is_killed_is_named(tmp_path):
    write_notebooks(tmp_path / "notebooks", {"9_1_alone": "# %%\nimport os\n\nos.kill(os.getppid(), 9)\n"})
    with pytest.raises(SystemExit, match="9_1_alone: the process that ran it ended with exit status -9"):
        run_command(tmp_path, "--jobs", "2")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("kill", "statuses"), [("SIGINT", [130]), ("SIGTERM", [143, -15]), ("SIGKILL", [-9])])
def test_a_killed_runner_leaves_no_kernel(tmp_path, kill, statuses):
    folder = write_notebooks(tmp_path / "notebooks", {"9_1_slow": f"# %%\nopen('begun', 'w').close()\n{SLOW}"})
    command = [sys.executable, run_notebooks.__file__, "--notebooks", folder, "--out", tmp_path / "build"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    runner = psutil.Popen([*map(str, command)], preexec_fn=listen_to_signals, **quiet)
    deadline = time.monotonic() + 60
    while not (folder / "begun").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    kernels = runner.children(recursive=True)
    runner.send_signal(getattr(signal, kill))
    status = runner.wait(30)
    assert status in statuses
    assert kernels
    assert psutil.wait_procs(kernels, timeout=20)[1] == []
    if status > 0:  # it ended by itself, and could tidy up
        assert not list(tmp_path.rglob(".unfinished*"))


def listen_to_signals():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits that it is ignored


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
        (["--timeout", "0"], "--timeout: '0' is no whole number"),
        (["--timeout", "-1"], "--timeout"),
        (["--jobs", "0"], "--jobs: '0' is no whole number"),
        (["--out", ""], "'' is no folder"),
        (["--data", ""], "'' is no folder"),
        (["-p", "BUILD", ""], "'' is no folder"),
        (["--out", "notebooks/9_2_last.py"], "9_2_last.py' is no folder"),
        (["--notebooks", "broken"], "invalid syntax (parameters cell, line 4)"),
    ],
)
def test_wrong_calls(tmp_path, capsys, arguments, message):
    write_notebooks(tmp_path / "notebooks", {"9_1_shapes": LESSON, "9_2_last": FINE})
    write_notebooks(tmp_path / "broken", {"9_1_shapes": LESSON.replace("knob = dict", "knob = ")})
    with pytest.raises(SystemExit) as stop:
        run_command(tmp_path, *arguments)
    assert stop.value.code == 2
    assert not (tmp_path / "build").exists()
    assert message in capsys.readouterr().err


def test_the_kernel_is_of_this_python_whatever_is_installed_elsewhere(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere/kernels/python3"
    elsewhere.mkdir(parents=True)
    kernel = {"argv": ["no-such-python", "{connection_file}"], "display_name": "Python 3", "language": "python"}
    (elsewhere / "kernel.json").write_text(json.dumps(kernel))
    for variable in ("JUPYTER_PATH", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    write_notebooks(tmp_path / "notebooks", {"9_2_last": FINE})
    assert run_command(tmp_path) == 0
    assert join_printed(read_executed(tmp_path, "9_2_last")) == "still here\n"
