"""Executes one notebook in a kernel of its own and gives an account of the run."""

import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbconvert.filters import strip_ansi
from papermill.iorw import LocalHandler, papermill_io
from traitlets.config import Config

from helpers.lessons import find_source, is_tagged
from machinery.peak_memory import PeakMemory

from .storing import write_text


class WholeFiles(LocalHandler):
    """Lets papermill save a notebook whole or not at all."""

    def write(self, text, path):
        """Write a text to a file."""
        write_text(Path(path), text)


def run_notebook(
    stem: str, notebook: nbformat.NotebookNode, place: int, folder: Path, out: Path, profile: str, timeout: int | None
) -> None:
    """Execute a notebook into `out/notebooks/STEM.ipynb`.

    Its `metadata.run` is the account that the table and the pages show. The kernel works where the notebook's source
    lies, in `folder` or its `exercises/`. A cell may take `timeout` seconds, or for ever. `place` is the line of the
    progress bar, counted from 0.
    """
    target = out / "notebooks" / f"{stem}.ipynb"
    started = time.time()
    with PeakMemory() as memory:
        failure = execute(notebook, target, find_source(stem, folder).parent, timeout, place)
    seconds = time.time() - started
    status, explanation = explain_failure(failure, timeout)
    executed = nbformat.read(target, as_version=4)
    code = [cell for cell in executed.cells if cell.cell_type == "code" and not is_tagged(cell, "injected-parameters")]
    begun = [cell for cell in code if cell.metadata.papermill.start_time]
    cells = f"{len(begun[:-1] if failure else begun)}/{len(code)}"
    report = ""
    if failure:
        source = "".join(f"\n  | {line}" for cell in begun[-1:] for line in cell.source.splitlines())
        origin = shorten_path(find_source(stem, folder))
        report = (
            f"{status} after {cells} cells, in\n{source}\n\n{explanation}\n\n"
            f"open {shorten_path(target)} to see how far it came, {origin} to mend it"
        )
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    heading = re.search(r"^# +(.+)$", prose, re.MULTILINE)
    executed.metadata["run"] = {
        "name": stem,
        "title": heading[1].strip() if heading else stem,
        "profile": profile,
        "status": status,
        "report": report,  # on a failure
        "cells": cells,  # code cells that ran to their end / all
        "seconds": round(seconds, 1),
        "peak": memory.peak,  # bytes
        "finished": f"{datetime.now():%Y-%m-%d %H:%M}",
        "results": read_results(out, stem, started),
    }
    write_text(target, nbformat.writes(executed))


def execute(
    notebook: nbformat.NotebookNode, target: Path, folder: Path, timeout: int | None, place: int = 0
) -> Exception | None:
    """Run a notebook with papermill, which saves it after every cell; return the failure or None."""
    papermill_io.register(str(target), WholeFiles())
    try:
        papermill.execute_notebook(
            notebook,
            target,
            cwd=folder,
            kernel_name="python3",
            language="python",
            execution_timeout=timeout,
            coalesce_streams=True,  # else what is printed comes in chunks that depend on the time
            config=Config(KernelManager={"transport_encryption": "auto"}),  # else each kernel prints a warning
            progress_bar={"desc": target.stem, "leave": False, "position": place, "disable": not sys.stderr.isatty()},
        )
    except (papermill.PapermillExecutionError, CellTimeoutError, RuntimeError) as failure:
        return failure


def explain_failure(failure: Exception | None, timeout: int | None) -> tuple[str, str]:
    """Return the status in a word or two and the error with the ends of its traceback, without colours."""
    if failure is None:
        return "ok", ""
    if isinstance(failure, CellTimeoutError):
        return "timed out", f"the cell ran longer than {timeout} s (--timeout)"
    if isinstance(failure, DeadKernelError):
        return "kernel died", "the kernel died: out of memory?"
    if isinstance(failure, RuntimeError):
        return "no kernel", str(failure)
    status = "diverged" if failure.ename == "DivergedError" else "failed"
    frames = failure.traceback[2:-1]  # before: a rule and a heading; after: the error once more
    if len(frames) > 2:
        frames[1:-1] = [f"... {len(frames) - 2} more ..."]
    return status, strip_ansi("\n".join([*frames, f"{failure.ename}: {failure.evalue[:2000]}"]))


def read_results(out: Path, stem: str, started: float) -> list[tuple[str, str]]:
    """Return what a run wrote to `results/9_2.json`, but for when and where it was, as pairs of text."""
    path = out / "results" / f"{re.match('[0-9]+(_[0-9]+)?', stem)[0]}.json"
    with suppress(OSError, ValueError, AttributeError, RecursionError):  # none, or a damaged file
        if path.stat().st_mtime > started - 1:  # some file systems round times
            results = json.loads(path.read_text(encoding="utf-8"))
            return list(list_leaves({name: value for name, value in results.items() if name != "run"}))
    return []


def list_leaves(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of nested results as pairs of text: fractions to four digits, a long list cut short."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from list_leaves(inner, f"{name} / {key}" if name else key)
        return
    items = value if isinstance(value, list) else [value]
    shown = [f"{item:.4g}" if isinstance(item, float) else str(item) for item in items]
    yield name, ", ".join(shown if len(shown) <= 6 else [*shown[:6], "…"])


def shorten_path(path: Path) -> Path:
    """Return a path as short as it can be typed."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
