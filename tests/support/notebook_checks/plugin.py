"""Runs the cells of the notebooks and tells pytest what came of it."""

import os
import shutil
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from queue import Empty
from unittest import mock
from uuid import uuid4

import nbformat
import pytest
from filelock import FileLock
from nbconvert.filters import strip_ansi
from nbval.plugin import IPyNbCell, IPyNbFile
from xdist.scheduler import LoadFileScheduling

from machinery.peak_memory import PeakMemory

from . import Failure, is_ignored, limits_of, prose, reason, recorded  # noqa: F401  two register their checks
from .outputs import compare, flatten
from .pages import save_pictures, write_index
from .stored import CHECKS, Stored

NBVAL = "0.11"  # this plugin overrides parts of nbval that another version may have changed
OUT = "build/notebook-checks"  # figures that differ, and a folder for each notebook to write to
# Notebooks that take networks from those before them, as they do for a reader: in one folder, one after the other.
LESSONS = (
    "9_2_image_segmentation",
    "9_3_convnet_architectures",
    "9_4_interpreting_convnets",
    "9_5_are_heatmaps_right",
    "9_4_solutions",
)
SESSION = "NOTEBOOK_CHECKS_SESSION"  # in the environment: its name
SHOWN = ("stream", "display_data", "execute_result", "error")
# Evaluated in the kernel after each cell: does TensorFlow, once a cell has imported it, see a GPU?
ON_GPU = "any(m.config.list_physical_devices('GPU') for m in [__import__('sys').modules.get('tensorflow')] if m)"


# Cells


def execute(kernel, source, seconds):
    """Run the source of a cell in a kernel.

    Returns:
        The outputs as a reader sees them, and the kernel's reply.

    Raises:
        Failure: the kernel died, or the cell ran longer than `seconds`.
    """
    options = {"allow_stdin": False, "stop_on_error": False, "user_expressions": {"gpu": ON_GPU}}
    request, deadline = kernel.kc.execute(source, **options), time.monotonic() + seconds
    outputs, displays, clear = [], defaultdict(list), False
    while True:
        message = receive(kernel, "iopub", request, deadline, seconds)
        kind, content = message["msg_type"], message["content"]
        if content.get("execution_state") == "idle":
            return outputs, receive(kernel, "shell", request, deadline, seconds)["content"]
        clear = clear or kind == "clear_output"
        if clear and (kind in SHOWN or not content.get("wait", True)):
            outputs.clear()
            clear = False
        display = content.get("transient", {}).get("display_id")
        if kind in SHOWN:
            outputs.append(nbformat.v4.output_from_msg(message))
            displays[display].append(outputs[-1])
        elif kind == "update_display_data":
            for output in displays[display]:
                output.update(nbformat.from_dict({"data": content["data"], "metadata": content["metadata"]}))


def receive(kernel, channel, request, deadline, seconds):
    """Return the next message about a request; raise a Failure if the kernel dies or the time is over."""
    while time.monotonic() < deadline:
        try:
            message = kernel.get_message(channel, timeout=0.5)
        except Empty:
            if not kernel.is_alive():
                end = describe_end(kernel.km.provisioner.process.returncode)
                raise Failure(f"the kernel {end}") from None
        else:
            if message["parent_header"].get("msg_id") == request:
                return message
    kernel.stop()
    raise Failure(f"the cell ran longer than its limit of {seconds} s")


def describe_end(status):
    """Say how a process ended, given its return code."""
    if status == -9:
        return "was killed by signal 9: out of memory?"
    if status < 0:
        return f"was killed by signal {-status}"
    return f"ended with exit status {status}"


def begin(folder, session):
    """Empty a folder, unless that session has done so."""
    mark = folder / "session"
    if not mark.exists() or mark.read_text() != session:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        mark.write_text(session)


@contextmanager
def borrow_folder(out, stem):
    """Keep the folder that a notebook writes to for a `with` block; a session begins with an empty one."""
    folder = out / ("lessons" if stem in LESSONS else stem)
    out.mkdir(parents=True, exist_ok=True)
    with FileLock(out / f"{folder.name}.lock"):
        begin(folder, os.environ[SESSION])
        yield folder


class Notebook(IPyNbFile):
    """A notebook: its checks as stored, then its cells."""

    failed = None  # the cell after which nothing runs
    memory = None  # watches the kernel
    stack = None  # what ends with the kernel

    def setup(self):
        """Leave the start of the kernel to the first cell, so that its failure is one failure."""

    def start(self):
        """Start the kernel in the environment of a plain run."""
        out, stem = self.config.rootpath / OUT, self.path.stem
        self.stack = ExitStack()
        folder = self.stack.enter_context(borrow_folder(out, stem))
        begin(out / stem, os.environ[SESSION])
        write_index(out)
        with mock.patch.dict(os.environ, BUILD=str(folder), TQDM_DISABLE="1", TF_CPP_MIN_LOG_LEVEL="3"):
            # With these, output to file descriptors is lost, figures are not shown, or outputs are not the stored ones
            # (the width of a model's summary).
            for name in ("PYTEST_CURRENT_TEST", "MPLBACKEND", "PROFILE", "DATA", "COLUMNS", "LINES"):
                os.environ.pop(name, None)
            self.memory = self.stack.enter_context(PeakMemory())
            super().setup()

    def collect(self):
        """Yield the checks and the cells; these are numbered from 1, as in `[1]:` beside a cell."""
        items = list(super().collect())
        for name in CHECKS:
            yield Check.from_parent(self, name=name)
        for item in items:
            name = f"cell {item.cell_num + 1}"
            yield Cell.from_parent(self, name=name, cell_num=item.cell_num, cell=item.cell, options=item.options)

    def teardown(self):
        """Stop the kernel, unless it is stopped."""
        if hasattr(self.kernel, "km"):
            self.kernel.stop()
        if self.stack:
            self.stack.close()


class Check(pytest.Item):
    """A check of a notebook as it is stored."""

    def runtest(self):
        """Fail with all complaints."""
        if complaints := list(CHECKS[self.name](Stored(self.path))):
            raise Failure("\n".join(complaints))

    def repr_failure(self, excinfo):
        """Show the complaints without a traceback."""
        return str(excinfo.value) if excinfo.errisinstance(Failure) else super().repr_failure(excinfo)

    def reportinfo(self):
        """Return where the check is reported."""
        return self.path, None, f"{self.path.name}: {self.name}"


class Cell(IPyNbCell):
    """A code cell that runs and is compared."""

    reportinfo = Check.reportinfo

    def runtest(self):
        """Run the cell, unless one before it has failed, and tell the summary how it was compared."""
        notebook = self.parent
        self.record = {"how": "not run", "figures": 0, "device": "cpu", "after": notebook.failed}
        self.user_properties.append(("notebook cell", self.record))
        if notebook.failed:
            pytest.skip(f"not run, for {notebook.failed} failed")
        notebook.failed, self.record["how"] = self.name, "failed"
        if notebook.kernel is None:
            notebook.start()
        started = time.monotonic()
        self.check()
        self.record.update(seconds=time.monotonic() - started, peak=notebook.memory.peak)
        notebook.failed = None

    def check(self):
        """Run and compare the cell."""
        fresh, reply = execute(self.parent.kernel, self.cell.source, limits_of(self.cell, "cpu")["timeout"])
        must_raise, raised = "raises-exception" in self.cell.metadata.get("tags", []), reply["status"] == "error"
        if raised and not must_raise:  # an unknown magic, too
            traceback = strip_ansi("\n".join(reply["traceback"]))
            raise Failure(f"the cell raised {reply['ename']}: {reply['evalue']}\n{traceback}")
        if must_raise and not raised:
            raise Failure("the cell is tagged raises-exception and raised nothing")
        if fresh and not self.cell.outputs:
            shown = "\n".join(f"{kind}: {str(content)[:300]}" for kind, content in flatten(fresh))
            raise Failure(f"no output is stored, but the cell shows (`make outputs` stores it)\n{shown}")
        if is_ignored(self.cell):
            if noise := [content for kind, content in flatten(fresh) if kind == "stderr"]:
                raise Failure(f"the cell, which is not compared, prints to standard error\n{''.join(noise)[:500]}")
            self.record.update(how="ignored", reason=reason(self.cell) or "no reason given")
            return
        on_gpu = reply.get("user_expressions", {}).get("gpu", {}).get("data", {}).get("text/plain") == "True"
        self.record["device"] = "gpu" if on_gpu else "cpu"
        floats, figures = compare(self.cell.outputs, fresh, limits_of(self.cell, self.record["device"]))
        self.record.update(how="tolerance" if floats or figures else "exact", figures=figures)

    def repr_failure(self, excinfo):
        """Show what is wrong, where the pictures are, and the cell's source, without a traceback."""
        if not excinfo.errisinstance(Failure):
            return pytest.Item.repr_failure(self, excinfo)
        lines = [f"{self.name}: {excinfo.value}"]
        if excinfo.value.pictures:
            figures = f"{OUT}/{self.path.stem}/figures/{self.name.replace(' ', '-')}"
            save_pictures(self.config.rootpath / figures, *excinfo.value.pictures)
            write_index(self.config.rootpath / OUT)
            lines.append(f"see {figures}/difference.png and {OUT}/index.html")
        return "\n".join([*lines, *(f"  | {line}" for line in self.cell.source.splitlines())])


class LessonsTogether(LoadFileScheduling):
    """Gives a worker a file at a time, but the lessons as one: none waits for the folder, or trains again."""

    def _split_scope(self, nodeid):
        file = super()._split_scope(nodeid)
        return "lessons" if Path(file).stem in LESSONS else file


# Hooks


def pytest_xdist_make_scheduler(config, log):
    """Choose who runs what, under `--dist loadfile`."""
    return LessonsTogether(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_configure(config):
    """Refuse what cannot work; give the session a name, which its workers inherit."""
    if not version("nbval").startswith(f"{NBVAL}."):
        raise pytest.UsageError(f"tests/support/notebook_checks was made for nbval {NBVAL}; found {version('nbval')}")
    if config.getoption("dist", "no") in ("load", "worksteal", "each"):
        raise pytest.UsageError("the cells of a notebook belong together: add --dist loadfile to -n")
    if not hasattr(config, "workerinput"):
        os.environ[SESSION] = uuid4().hex


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Put our notebooks in the place of nbval's; exercises without solutions have no outputs to compare."""
    found = yield
    if file_path.name.endswith("_exercises.ipynb"):
        return []
    return [Notebook.from_parent(parent, path=file_path) if isinstance(one, IPyNbFile) else one for one in found]


def pytest_terminal_summary(terminalreporter):
    """Print for each notebook how its cells were compared, and what it took."""
    notebooks = defaultdict(list)
    on_gpu = 0
    for report in chain(*terminalreporter.stats.values()):
        for name, record in getattr(report, "user_properties", ()):
            if name == "notebook cell" and report.when == "call":
                path, _, cell = report.nodeid.rpartition("::")
                notebooks[path].append((cell, record))
                on_gpu += record["device"] == "gpu"
    if not notebooks or hasattr(terminalreporter.config, "workerinput"):  # xdist's workers come here, too
        return
    terminalreporter.section("notebook checks")
    for path, cells in sorted(notebooks.items()):
        terminalreporter.line("\n  ".join(describe(path, cells)))
    checked = f"{on_gpu} cells within GPU tolerances" if on_gpu else "not run"
    terminalreporter.line(f"GPU checks: {checked}")


def describe(path, cells):
    """Return the lines of the summary about a notebook, given pairs of a cell's name and its record."""
    number = {
        how: sum(record["how"] == how for _, record in cells) for how in ("exact", "tolerance", "ignored", "not run")
    }
    figures = sum(record["figures"] for _, record in cells)
    yield f"{path}: {len(cells) - number['not run']} of {len(cells)} cells executed"
    yield f"{number['exact']} compared exactly, {number['tolerance']} with tolerance, {figures} figures compared"
    yield f"{number['ignored']} ignored ({number['ignored'] / len(cells):.1%})"
    yield from (f"  {cell}: {record['reason']}" for cell, record in cells if record["how"] == "ignored")
    if number["not run"]:
        after = next(record["after"] for _, record in cells if record["after"])
        yield f"{number['not run']} cells not run, for {after} failed"
    if all("seconds" in record for _, record in cells):
        seconds = sum(record["seconds"] for _, record in cells)
        peak = max(record["peak"] for _, record in cells)
        yield f"{seconds:.0f} s, {peak / 1e6:.0f} MB at most"
