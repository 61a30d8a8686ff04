"""Runs several notebooks at once: one with small networks keeps little more than a core busy."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import wait

from nbformat import NotebookNode

from helpers.processes import end_with_parent


def run_side_by_side(run: Callable, notebooks: dict[str, NotebookNode], jobs: int) -> Iterator[str]:
    """Call `run(stem, notebook, place)` for each notebook, and yield the stems as they end.

    At most `jobs` run at once, in as many places, counted from 0; if more than one, each in a process of its own. A
    notebook waits for those before it that its code names, since it takes their functions and trained networks. If a
    process ends with an exception, so do all.
    """
    if jobs == 1:  # a process of its own would import everything once more
        for stem, notebook in notebooks.items():
            announce(stem)
            run(stem, notebook, 0)
            yield stem
        return
    waiting, running = dict(notebooks), {}
    # A server that has imported everything forks the processes; where there is none, each imports for itself. (A fork
    # of this process would share its event loop.)
    start = get_context("forkserver" if "forkserver" in get_all_start_methods() else "spawn").Process
    while waiting or running:
        unfinished = {stem for stem, *_ in running.values()}
        for stem, notebook in [*waiting.items()]:
            if len(running) < jobs and not any(name in read_code(notebook) for name in unfinished):
                place = min({*range(jobs)} - {place for _, place, _ in running.values()})
                announce(stem)
                process = start(target=work, args=(dict(os.environ), run, stem, notebook, place), daemon=True)
                process.start()
                running[process.sentinel] = stem, place, process
                del waiting[stem]
            unfinished.add(stem)
        for sentinel in wait(running):
            stem, _, process = running.pop(sentinel)
            process.join()
            if process.exitcode:
                sys.exit(f"{stem}: the process that ran it ended with exit status {process.exitcode}")
            yield stem


def announce(stem: str) -> None:
    """Say that a notebook begins, unless a progress bar does."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        print(f"{stem}: running", flush=True)


def read_code(notebook: NotebookNode) -> str:
    """Return the code of a notebook."""
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")


def work(environment, run, stem, notebook, place):
    """Run a notebook; its kernel ends when this process does, and has the environment that it would have there."""
    os.environ.clear()  # the server's, of when it was started
    os.environ.update(environment)
    end_with_parent()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # when the runner is interrupted: tidy up first
    run(stem, notebook, place)
