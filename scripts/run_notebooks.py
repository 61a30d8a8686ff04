#!/usr/bin/env python3
"""Execute the notebooks, each in a kernel of its own, and publish what they show.

What runs is built from a notebook's text source (`notebooks/NAME.py`), so a stale `.ipynb` never runs. Under
the output folder (`build/`) appear `notebooks/NAME.ipynb`, saved after every cell, and `html/index.html` with
a page for each notebook. The exit status is 0 if all is well, 1 if a notebook failed, 2 for a wrong call,
130 if interrupted.
"""

import argparse
import os
import sys
from functools import partial
from pathlib import Path

import nbformat

from helpers.knobs import PROFILES
from helpers.lessons import find_source
from machinery.runner.choosing import check_names, check_values, choose_notebooks, parse_value, set_knobs
from machinery.runner.executing import run_notebook, shorten_path
from machinery.runner.exercises import name_exercises, take_out_solutions
from machinery.runner.pages import format_duration, format_size, make_pages, read_runs
from machinery.runner.side_by_side import run_side_by_side
from machinery.runner.storing import keep_outputs, write_text
from machinery.site.building import build_pages, check_target

ROOT = Path(__file__).resolve().parents[1]


def parse_arguments(argv):
    """Return the parser, and the options with `values` (knob to value)."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--profile", choices=PROFILES, default="sample", help="which defaults the knobs take (sample)")
    add("--only", action="append", default=[], metavar="9_2", help="notebooks whose name starts so; repeatable")
    add("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="set a knob; repeatable")
    add("--data", type=find_folder, default=ROOT / "data", metavar="DIR", help="the data sets (data)")
    add("--out", type=find_folder, default=ROOT / "build", metavar="DIR", help="what is made (build)")
    add("--store", action="store_true", help="also write the outputs into notebooks/NAME.ipynb")
    add("--jobs", type=count, default=1, metavar="N", help="notebooks that run at once (1); with --only, in turn")
    add("--timeout", type=count, metavar="SECONDS", help="give up on a cell that runs longer (never)")
    add("--notebooks", type=find_folder, default=ROOT / "notebooks", metavar="DIR", help="the notebooks (notebooks)")
    options = parser.parse_args(argv)

    given = dict(options.p)
    options.profile = given.pop("PROFILE", options.profile)
    try:
        options.data = find_folder(given.pop("DATA", options.data))
        options.out = find_folder(given.pop("BUILD", options.out))
    except argparse.ArgumentTypeError as error:
        parser.error(str(error))
    options.values = {name: parse_value(text, name) for name, text in given.items()}
    if options.profile not in PROFILES:
        parser.error(f"no profile {options.profile}; there are: {', '.join(PROFILES)}")
    if options.store and (options.p or options.profile != "sample"):
        parser.error("--store keeps the outputs of a plain sample run: leave out -p and --profile")
    return parser, options


def find_folder(text):
    """Return the absolute path of a folder named relative to where the command is typed; it may not be there yet."""
    folder = Path(os.path.abspath(os.path.expanduser(text)))
    if not str(text).strip() or (folder.exists() and not folder.is_dir()):
        raise argparse.ArgumentTypeError(f"{str(text)!r} is no folder")
    return folder


def count(text):
    """Return a whole number, at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number, 1 or more")
    return int(text)


def format_table(runs):
    """Return the runs as a table in plain text."""
    rows = [("notebook", "cells", "wall time", "peak memory", "status")]
    rows += [(r.name, r.cells, format_duration(r.seconds), format_size(r.peak), r.status) for r in runs]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def store(source, lesson, executed):
    """Write the outputs of a run into the notebook beside its source, and of solved exercises the reader's notebook."""
    target = source.with_suffix(".ipynb")
    write_text(target, keep_outputs(lesson, executed))
    if target.parent.name == "exercises":
        write_text(name_exercises(target), take_out_solutions(lesson))


def main(argv=None):
    """Run the chosen notebooks; return the exit status."""
    parser, options = parse_arguments(argv)
    # Kernels inherit the environment; the parameters cell of each notebook reads these three.
    os.environ.update(PROFILE=options.profile, DATA=str(options.data), BUILD=str(options.out))
    try:
        lessons = choose_notebooks(options.notebooks, options.only, exercises=options.profile == "sample")
        check_names([*options.values], lessons)
        notebooks = {stem: set_knobs(lesson, options.values) for stem, lesson in lessons.items()}
        check_values(notebooks)
        check_target(options.out / "html")  # now, and not when all is done
    except (LookupError, SyntaxError, ValueError, FileExistsError) as error:
        parser.error(str(error))

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.pop("JUPYTER_PATH", None)  # there, and in the reader's home, "python3" may be another Python
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    os.environ.setdefault("TQDM_DISABLE", "1")  # bars with their timings do not belong into a page
    for name in ("COLUMNS", "LINES"):  # the width of a model's summary
        os.environ.pop(name, None)

    places = {"folder": options.notebooks, "out": options.out}
    run = partial(run_notebook, **places, profile=options.profile, timeout=options.timeout)
    runs = {}
    # A lesson that is not chosen may lie between two that are: what one of them trains, the other would train, too.
    jobs = 1 if options.only else options.jobs
    for stem in run_side_by_side(run, notebooks, jobs):
        executed = nbformat.read(options.out / "notebooks" / f"{stem}.ipynb", as_version=4)
        runs[stem] = executed.metadata.run
        if report := runs[stem].report:
            if sys.stderr.isatty():
                print("\r\x1b[J", end="", file=sys.stderr, flush=True)  # the bars of those that run; they come again
            print(f"\n{stem}: {report}\n", flush=True)
        elif options.store:
            store(find_source(stem, options.notebooks), lessons[stem], executed)
    print(f"\n{format_table([runs[stem] for stem in notebooks])}\n", flush=True)
    build_pages(options.out / "html", make_pages(read_runs(options.out / "notebooks")))
    print(f"pages: {shorten_path(options.out / 'html' / 'index.html')}")
    return int(any(run.status != "ok" for run in runs.values()))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
