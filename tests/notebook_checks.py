"""A pytest plugin on top of nbval: every code cell of every notebook runs, and its outputs are compared.

nbval finds the notebooks and starts their kernels; how a cell runs and is compared is decided here. Text is compared
exactly but for its numbers, figures by size and pixels, everything else (tables, formulas) exactly. A cell that needs
other limits than `DEFAULTS` has them in its metadata, one value for all devices or one for each:

    # %% nbval={"rtol": {"cpu": 1e-3, "gpu": 5e-2}, "figure_rms": 0.02, "timeout": 60}

Two tags count: `raises-exception` for a cell that must raise, and `nbval-ignore-output` for one that runs but is not
compared, together with its reason: `nbval={"reason": "..."}`. nbval's other tags and comments have no effect. After
the first cell that fails, the rest of a notebook is not run. `pytest -n 2 --dist loadfile` runs two notebooks at once.
"""

import base64
import difflib
import io
import json
import os
import re
import shutil
import time
from collections import defaultdict
from decimal import Decimal
from importlib.metadata import version
from itertools import chain
from queue import Empty
from unittest import mock

import nbformat
import numpy as np
import pytest
from nbconvert.filters import strip_ansi
from nbval.plugin import IPyNbCell, IPyNbFile, coalesce_streams
from PIL import Image, ImageChops

NBVAL = "0.11"  # this plugin overrides parts of nbval that another version may have changed
DEFAULTS = {
    # Of a number with a decimal point or an exponent. Half a unit of its last digit comes on top, for it was rounded
    # when printed. Other numbers count something: they are compared exactly.
    "rtol": {"cpu": 1e-3, "gpu": 1e-2},
    "atol": 1e-8,
    # Root mean square of the difference of all pixels; 1 is black against white. Two names of a legend exchanged make
    # about 0.01, the same figure drawn twice makes 0.
    "figure_rms": {"cpu": 0.005, "gpu": 0.02},
    "timeout": 600,  # seconds that a cell may run
}
MAX_LINES = 30  # of a cell
MAX_IGNORED = 0.05  # share of a notebook's code cells that may be left uncompared; one always may

OUT = "build/notebook-checks"  # figures that differ, and a folder for each notebook to write to
FIGURES = ("image/png", "image/jpeg")
TEXTS = ("stdout", "stderr", "error", "text/plain", "alt text")
SHOWN = ("stream", "display_data", "execute_result", "error")
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?!\.?\d)")
MACHINE_PATH = re.compile(r"(?<![\w.:/~}-])/(?:home|root|Users|work|opt|mnt|tmp|var|private)/\w\S*|\b[A-Z]:\\+\w\S*")
# Evaluated in the kernel after each cell: does TensorFlow, once a cell has imported it, see a GPU?
ON_GPU = "any(m.config.list_physical_devices('GPU') for m in [__import__('sys').modules.get('tensorflow')] if m)"


class Failure(Exception):
    """A check that failed; `pictures` are the expected and the actual one, if it is about a figure."""

    def __init__(self, message, pictures=()):
        super().__init__(message)
        self.pictures = pictures


# A notebook as it is stored

CHECKS = ("short cells", "run in order", "no stderr", "no machine paths", "no addresses")
CHECKS += ("alt texts", "known settings", "reasons", "few ignored")


def inspect(cells):
    """Yield what is wrong with the code cells of a notebook as pairs of a check and a complaint."""
    for number, cell in enumerate(cells, 1):
        where = f"cell {number}"
        if (lines := len(cell.source.splitlines())) > MAX_LINES:
            yield "short cells", f"{where} has {lines} lines, more than {MAX_LINES}"
        if cell.execution_count != number:
            yield "run in order", f"{where} has the execution count {cell.execution_count}: run `make outputs`"
        for kind, content in flatten(cell.outputs):
            text = "" if kind in FIGURES else str(content)
            if kind == "stderr":
                yield "no stderr", f"{where} has stored stderr: {text.strip()[:200]}"
            if found := MACHINE_PATH.search(text):
                yield "no machine paths", f"{where} shows a path of one machine in its {kind}: {found[0]}"
            if found := re.search(r"\S{1,90} at 0x[0-9a-f]+>", text):
                yield "no addresses", f"{where} shows an address, which differs at every run, in its {kind}: {found[0]}"
        for output in cell.outputs:
            kinds = [kind for kind in output.get("data", {}) if kind.startswith("image/")]
            if kinds and not any(output.metadata.get(kind, {}).get("alt", "").strip() for kind in kinds):
                yield "alt texts", f"{where} has a figure without alt text: show it with helpers.plots.show"
        for name, value in cell.metadata.get("nbval", {}).items():
            if name not in (*DEFAULTS, "reason") or (isinstance(value, dict) and set(value) - {"cpu", "gpu"}):
                yield "known settings", f"{where} has the unknown setting nbval={json.dumps({name: value})}"
        if is_ignored(cell) and not reason(cell):
            yield "reasons", f'{where} is tagged nbval-ignore-output without nbval={{"reason": "..."}}'
    ignored = [number for number, cell in enumerate(cells, 1) if is_ignored(cell)]
    if len(ignored) > max(1, MAX_IGNORED * len(cells)):
        share = f"{len(ignored)} of {len(cells)} cells"
        yield "few ignored", f"{share} are ignored, more than {MAX_IGNORED:.0%}: {ignored}"


def is_ignored(cell):
    """Tell whether the outputs of a cell are not compared."""
    return "nbval-ignore-output" in cell.metadata.get("tags", [])


def reason(cell):
    """Return why a cell is not compared."""
    return cell.metadata.get("nbval", {}).get("reason", "").strip()


# Outputs


def flatten(outputs):
    """Return outputs as pairs of a kind (one of `TEXTS` or any MIME type) and a content."""
    pairs = []
    for output in outputs:
        if output.output_type == "stream":
            pairs.append((output.name, output.text))
        elif output.output_type == "error":
            pairs.append(("error", f"{output.ename}: {output.evalue}"))
        else:  # of a widget the text is left, its model is a random number
            pairs += [(kind, content) for kind, content in sorted(output.data.items()) if "widget" not in kind]
            about = [value for value in output.metadata.values() if isinstance(value, dict)]
            pairs += [("alt text", value["alt"]) for value in about if "alt" in value]
    return pairs


def limits_of(cell, device):
    """Return the limits of a cell on a device ("cpu" or "gpu"): those in its metadata, else the defaults."""
    limits = {}
    for name, default in DEFAULTS.items():
        for value in (default, cell.metadata.get("nbval", {}).get(name)):
            value = value.get(device) if isinstance(value, dict) else value
            limits[name] = limits.get(name) if value is None else value
    return limits


def compare(stored, fresh, limits):
    """Compare the stored outputs of a cell with fresh ones.

    Returns:
        How many numbers were compared with a tolerance, and how many figures.

    Raises:
        Failure: they differ.
    """
    expected, actual = flatten(coalesce_streams(stored)), flatten(coalesce_streams(fresh))
    if [kind for kind, _ in expected] != [kind for kind, _ in actual]:
        lists = ["\n".join(f"{kind}: {str(content)[:300]}" for kind, content in pairs) for pairs in (expected, actual)]
        raise Failure(f"the cell shows other kinds of outputs than stored\n{difference(*lists)}")
    floats = figures = 0
    for (kind, old), (_, new) in zip(expected, actual, strict=True):
        if kind in FIGURES:
            compare_figures(old, new, limits["figure_rms"])
            figures += 1
        elif kind in TEXTS:
            floats += compare_texts(kind, old, new, limits["rtol"], limits["atol"])
        elif old != new:
            raise Failure(f"{kind} differs; it has no tolerance\n{difference(str(old), str(new))}")
    return floats, figures


def compare_texts(kind, old, new, rtol, atol):
    """Compare two texts exactly but for their numbers; return how many were compared with a tolerance."""
    # The spaces before a number may be its padding, which depends on its length.
    frames = [re.sub(r" +(?=\0)", " ", NUMBER.sub("\0", text)) for text in (old, new)]
    if frames[0] != frames[1]:
        raise Failure(f"{kind} differs; only numbers have a tolerance\n{difference(old, new)}")
    floats, wrong = 0, []
    for expected, actual in zip(NUMBER.findall(old), NUMBER.findall(new), strict=True):
        value, allowed = Decimal(expected), Decimal(0)
        if re.search("[.eE]", expected + actual):
            half_unit = Decimal(5).scaleb(value.as_tuple().exponent - 1)
            allowed = Decimal(str(rtol)) * abs(value) + Decimal(str(atol)) + half_unit
            floats += 1
        if abs(Decimal(actual) - value) > allowed:
            wrong.append(f"expected {expected}, actual {actual}, tolerance {allowed:.2g}")
    if wrong:
        listed = "\n".join(wrong[:10])
        raise Failure(f"numbers in {kind} differ; rtol {rtol}, atol {atol}\n{listed}\n{difference(old, new)}")
    return floats


def difference(expected, actual):
    """Return the lines in which two texts differ, at most 40."""
    lines = difflib.unified_diff(expected.splitlines(), actual.splitlines(), "expected", "actual", lineterm="", n=1)
    return "\n".join([*lines][:40])


def compare_figures(old, new, limit):
    """Compare two pictures, base64."""
    pictures = expected, actual = [decode(data) for data in (old, new)]
    if expected.size != actual.size:
        sizes = "expected {} × {} pixels, actual {} × {}".format(*expected.size, *actual.size)
        raise Failure(f"a figure has another size: {sizes}; it has no tolerance", pictures)
    rms = np.sqrt(np.mean(np.square(np.asarray(expected, float) - np.asarray(actual, float)))) / 255
    if rms > limit:
        raise Failure(f"a figure differs: root mean square expected 0, actual {rms:.4f}, tolerance {limit}", pictures)


def decode(data):
    """Return a picture, base64, in RGB on white, as a reader sees it."""
    picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Notebook checks</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem }}
  th, td {{ padding: .5rem; text-align: left; vertical-align: top }}
  img {{ max-width: 28vw }}
</style>
<h1>Figures that differ from the stored ones: {count}</h1>
<table>
<tr><th>cell<th>expected<th>actual<th>difference
{rows}
</table>
</html>
"""


def save_pictures(folder, expected, actual):
    """Write two pictures and their difference, of the size that holds both, as PNG."""
    size = max(expected.width, actual.width), max(expected.height, actual.height)
    padded = [picture.crop((0, 0, *size)) for picture in (expected, actual)]
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in (("expected", expected), ("actual", actual), ("difference", ImageChops.difference(*padded))):
        picture.save(folder / f"{name}.png")


def write_index(out):
    """List in `index.html` every figure that differs."""
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for folder in sorted(path.parent.relative_to(out).as_posix() for path in out.glob("*/figures/*/difference.png")):
        pictures = (
            f'<td><img src="{folder}/{name}.png" alt="{name}">' for name in ("expected", "actual", "difference")
        )
        rows.append(f"<tr><th>{folder.replace('/figures/', ', ')}{''.join(pictures)}")
    (out / "index.html").write_text(PAGE.format(count=len(rows), rows="\n".join(rows)), encoding="utf-8")


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
                status = kernel.km.provisioner.process.returncode
                end = f"was killed by signal {-status}" if status < 0 else f"ended with exit status {status}"
                raise Failure(f"the kernel {end}{': out of memory?' * (status == -9)}") from None
        else:
            if message["parent_header"].get("msg_id") == request:
                return message
    kernel.stop()
    raise Failure(f"the cell ran longer than its limit of {seconds} s")


class Notebook(IPyNbFile):
    """A notebook: its checks as stored, then its cells."""

    failed = None  # the cell after which nothing runs

    def setup(self):
        """Leave the start of the kernel to the first cell, so that its failure is one failure."""

    def start(self):
        """Start the kernel in the environment of a plain run, with an empty folder to write to."""
        folder = self.config.rootpath / OUT / self.path.stem
        shutil.rmtree(folder, ignore_errors=True)
        write_index(folder.parent)
        with mock.patch.dict(os.environ, BUILD=str(folder), TQDM_DISABLE="1", TF_CPP_MIN_LOG_LEVEL="3"):
            # With these, output to file descriptors is lost, figures are not shown, or outputs are not the stored ones.
            for name in ("PYTEST_CURRENT_TEST", "MPLBACKEND", "PROFILE"):
                os.environ.pop(name, None)
            super().setup()

    def collect(self):
        """Yield the checks and the cells; these are numbered from 1, as in `[1]:` beside a cell."""
        items = list(super().collect())
        for name in CHECKS:
            yield Check.from_parent(self, name=name, cells=[item.cell for item in items])
        for item in items:
            name = f"cell {item.cell_num + 1}"
            yield Cell.from_parent(self, name=name, cell_num=item.cell_num, cell=item.cell, options=item.options)

    def teardown(self):
        """Stop the kernel, unless it is stopped."""
        if hasattr(self.kernel, "km"):
            self.kernel.stop()


class Check(pytest.Item):
    """A check of a notebook as it is stored."""

    def __init__(self, *, cells, **arguments):
        super().__init__(**arguments)
        self.cells = cells

    def runtest(self):
        """Fail with all complaints."""
        if complaints := [complaint for check, complaint in inspect(self.cells) if check == self.name]:
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
        self.check()
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


# Hooks


def pytest_configure(config):
    """Refuse what cannot work."""
    if not version("nbval").startswith(f"{NBVAL}."):
        raise pytest.UsageError(f"tests/notebook_checks.py was made for nbval {NBVAL}; found {version('nbval')}")
    if config.getoption("dist", "no") in ("load", "worksteal", "each"):
        raise pytest.UsageError("the cells of a notebook belong together: add --dist loadfile to -n")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Put our notebooks in the place of nbval's."""
    found = yield
    return [Notebook.from_parent(parent, path=file_path) if isinstance(one, IPyNbFile) else one for one in found]


def pytest_terminal_summary(terminalreporter):
    """Print for each notebook how its cells were compared."""
    notebooks, on_gpu = defaultdict(list), 0
    for report in chain(*terminalreporter.stats.values()):
        for name, record in getattr(report, "user_properties", ()):
            if name == "notebook cell" and report.when == "call":
                path, _, cell = report.nodeid.rpartition("::")
                notebooks[path].append((cell, record))
                on_gpu += record["device"] == "gpu"
    if notebooks:
        terminalreporter.section("notebook checks")
        for path, cells in sorted(notebooks.items()):
            terminalreporter.line("\n  ".join(describe(path, cells)))
        terminalreporter.line(f"GPU checks: {f'{on_gpu} cells within GPU tolerances' if on_gpu else 'not run'}")


def describe(path, cells):
    """Return the lines of the summary about a notebook, given pairs of a cell's name and its record."""
    number = {
        how: sum(record["how"] == how for _, record in cells) for how in ("exact", "tolerance", "ignored", "not run")
    }
    figures, ignored = sum(record["figures"] for _, record in cells), f"{number['ignored']} ignored"
    yield f"{path}: {len(cells) - number['not run']} of {len(cells)} cells executed"
    yield f"{number['exact']} compared exactly, {number['tolerance']} with tolerance, {figures} figures compared"
    yield f"{ignored} ({number['ignored'] / len(cells):.1%})"
    yield from (f"  {cell}: {record['reason']}" for cell, record in cells if record["how"] == "ignored")
    if number["not run"]:
        after = next(record["after"] for _, record in cells if record["after"])
        yield f"{number['not run']} cells not run, for {after} failed"
