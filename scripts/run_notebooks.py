#!/usr/bin/env python3
"""Execute the notebooks, each alone in its own kernel, and publish what they show.

What runs is built from a notebook's text source (`notebooks/NAME.py`), so a stale `.ipynb` never runs. Under
the output folder (`build/`) appear `notebooks/NAME.ipynb`, saved after every cell, and `html/index.html` with
a page for each notebook. The exit status is 0 if all is well, 1 if a notebook failed, 2 for a wrong call.
"""

import argparse
import ast
import copy
import difflib
import hashlib
import json
import os
import platform
import re
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jinja2
import jupytext
import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from nbconvert.filters import strip_ansi
from papermill.iorw import LocalHandler, papermill_io
from traitlets.config import Config

from helpers.files import write_whole
from helpers.knobs import PROFILES, find_knobs
from helpers.lessons import find_source, is_tagged, read_lesson
from machinery.peak_memory import PeakMemory

ROOT = Path(__file__).resolve().parents[1]
FAILURES = (papermill.PapermillExecutionError, CellTimeoutError, DeadKernelError, RuntimeError)


# The command line


def parse_arguments(argv):
    """Return the checked options, with `chosen` (stem to notebook) and `values` (knob to value)."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--profile", choices=PROFILES, default="sample", help="which defaults the knobs take (sample)")
    add("--only", action="append", default=[], metavar="9_2", help="notebooks whose name starts so; repeatable")
    add("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="set a knob; repeatable")
    add("--data", type=folder, default=ROOT / "data", metavar="DIR", help="the data sets (data)")
    add("--out", type=folder, default=ROOT / "build", metavar="DIR", help="what is made (build)")
    add("--store", action="store_true", help="also write the outputs into notebooks/NAME.ipynb")
    add("--timeout", type=int, metavar="SECONDS", help="give up on a cell that runs longer (never)")
    add("--notebooks", type=folder, default=ROOT / "notebooks", metavar="DIR", help="the notebooks (notebooks)")
    options = parser.parse_args(argv)

    given = dict(options.p)
    options.profile = given.pop("PROFILE", options.profile)
    options.data = folder(given.pop("DATA", options.data))
    options.out = folder(given.pop("BUILD", options.out))
    options.values = {name: parse_value(text) for name, text in given.items()}
    if options.profile not in PROFILES:
        parser.error(f"no profile {options.profile}; there are: {', '.join(PROFILES)}")
    if options.store and (options.p or options.profile != "sample"):
        parser.error("--store keeps the outputs of a plain sample run: leave out -p and --profile")
    try:
        options.chosen = choose(options.notebooks, options.only)
        check_names(options.values, {stem: knobs(notebook) for stem, notebook in options.chosen.items()})
    except (LookupError, SyntaxError) as error:
        parser.error(str(error))
    return options


def folder(text):
    """Return the absolute path of a folder named relative to where the command is typed."""
    return Path(os.path.abspath(os.path.expanduser(text)))


def parse_value(text):
    """Return a Python literal as its value and anything else as text, with paths made absolute."""
    try:
        return absolute(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return absolute(text)


def absolute(value):
    """Make a path absolute, also within lists; a path is a text that exists or has a separator, no URL."""
    if isinstance(value, list | tuple):
        return type(value)(map(absolute, value))
    if not isinstance(value, str) or not value or re.match(r"\w[\w+.-]*://", value):
        return value
    path = os.path.expanduser(value)
    return os.path.abspath(path) if os.path.exists(path) or {"/", os.sep} & set(value) else value


def choose(notebooks, only):
    """Return the notebooks of a folder by stem; those whose name starts with one of `only`, if it is given.

    A notebook starts with the number of its section. A LookupError lists what there is if a prefix fits none.
    """
    stems = sorted({path.stem for path in notebooks.glob("[0-9]*") if path.suffix in (".py", ".ipynb")})
    unknown = [prefix for prefix in only if not any(stem.startswith(prefix) for stem in stems)]
    if unknown or not stems:
        names = "".join(f"\n  {stem}" for stem in stems) or " none"
        raise LookupError(f"no notebook {', '.join(unknown)} in {notebooks}; there are:{names}")
    chosen = [stem for stem in stems if stem.startswith(tuple(only or [""]))]
    return {stem: read_lesson(stem, notebooks) for stem in chosen}


def knobs(notebook):
    """Return the UPPER_CASE names of the cell tagged `parameters`: name to (default, comment), both as text."""
    source = next((cell.source for cell in notebook.cells if is_tagged(cell, "parameters")), "")
    lines, found = source.splitlines(), {}
    for name, node in find_knobs(source).items():
        rest = lines[node.end_lineno - 1].encode()[node.end_col_offset :].decode()  # columns count bytes
        one_line = node.value.lineno == node.value.end_lineno
        default = ast.get_source_segment(source, node.value) if one_line else ast.unparse(node.value)
        found[name] = default, rest.strip().lstrip("# ")
    return found


def check_names(names, known):
    """Raise a LookupError that lists the knobs of every notebook if a name is a knob of none."""
    every = [name for found in known.values() for name in found]
    unknown = [name for name in names if name not in every]
    if not unknown:
        return
    similar = difflib.get_close_matches(unknown[0], every, n=1)
    lines = [f"no knob {', '.join(unknown)}" + "".join(f"; did you mean {name}?" for name in similar)]
    for stem, found in known.items():
        settings = {f"{name} = {default}": comment for name, (default, comment) in found.items()}
        width = max(map(len, settings), default=0)
        lines += [f"  {stem}{'' if settings else ' has none'}"]
        lines += [
            f"    {text:{width}}  # {comment}" if comment else f"    {text}" for text, comment in settings.items()
        ]
    raise LookupError("\n".join(lines))


# A run


@dataclass
class Outcome:
    """What is known of a notebook after its run; kept in the metadata of the executed notebook."""

    name: str
    title: str
    profile: str
    status: str = "ok"
    cells: str = ""  # code cells that ran to their end / all
    seconds: float = 0.0
    peak: int = 0  # bytes
    finished: str = ""
    results: list = field(default_factory=list)  # pairs of text


class AtomicHandler(LocalHandler):
    """Lets papermill save a notebook whole or not at all."""

    def write(self, text, path):
        """Write a text to a file."""
        write_text(Path(path), text)


def write_text(path, text):
    """Write a text file whole or not at all."""
    with write_whole(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")


def run_notebook(stem, source, options):
    """Execute one notebook, store and publish its outputs, and return its `Outcome`; a failure is printed."""
    outcome = Outcome(stem, title_of(source) or stem, options.profile)
    target, started = options.out / "notebooks" / f"{stem}.ipynb", time.time()
    print(f"{stem}: running", flush=True)
    with PeakMemory() as memory:
        failure = execute(inject(source, options.values), target, options)
    outcome.seconds, outcome.peak = round(time.time() - started, 1), memory.peak
    outcome.finished = f"{datetime.now():%Y-%m-%d %H:%M}"
    outcome.results = fresh_results(options.out, stem, started)

    executed = nbformat.read(target, as_version=4)
    code = [c for c in executed.cells if c.cell_type == "code" and not is_tagged(c, "injected-parameters")]
    begun = [cell for cell in code if cell.metadata.papermill.start_time]
    outcome.cells = f"{len(begun) - bool(failure and begun)}/{len(code)}"
    if failure:
        outcome.status, explanation = explain(failure, options.timeout)
        origin = find_source(stem, options.notebooks)
        print(describe(outcome, begun[-1].source if begun else "", explanation, target, origin), flush=True)
    elif options.store:
        write_text(options.notebooks / target.name, stored(source, executed))
    publish(executed, outcome, options)
    return outcome


def execute(notebook, target, options):
    """Run a notebook with papermill, which saves it after every cell; return the failure or None."""
    try:
        papermill.execute_notebook(
            notebook,
            target,
            cwd=options.notebooks,
            kernel_name="python3",
            language="python",
            execution_timeout=options.timeout,
            coalesce_streams=True,  # else what is printed comes in chunks that depend on the time
            config=Config(KernelManager={"transport_encryption": "auto"}),  # else each kernel prints a warning
            progress_bar={"desc": target.stem, "leave": False, "disable": not sys.stderr.isatty()},
        )
    except FAILURES as failure:
        return failure


def title_of(notebook):
    """Return the first top heading of a notebook, or None."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    heading = re.search(r"^# +(.+)$", text, re.MULTILINE)
    return heading and heading[1].strip()


def inject(source, values):
    """Return a copy of a notebook with a cell after `parameters` that sets those values that are its knobs."""
    notebook, known = copy.deepcopy(source), knobs(source)
    # Written here, since papermill would turn a tuple into text.
    settings = "\n".join(f"{name} = {value!r}" for name, value in values.items() if name in known)
    if settings:
        place = next(i for i, cell in enumerate(notebook.cells) if is_tagged(cell, "parameters"))
        cell = nbformat.v4.new_code_cell(settings, metadata={"tags": ["injected-parameters"]})
        notebook.cells.insert(place + 1, cell)
    return notebook


def fresh_results(out, stem, started):
    """Return what the notebook wrote to `results/9_2.json` during this run as pairs of text."""
    path = out / "results" / f"{re.match('[0-9]+(_[0-9]+)?', stem)[0]}.json"
    if path.exists() and path.stat().st_mtime > started - 1:  # some file systems round times
        with suppress(ValueError):  # a notebook that failed may leave half a file
            return list(flattened(json.loads(path.read_text(encoding="utf-8"))))
    return []


def flattened(value, name=""):
    """Yield the leaves of nested results as pairs of text: fractions to four digits, a long list cut short."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flattened(inner, f"{name} / {key}" if name else str(key))
    elif isinstance(value, list):
        shown = [f"{item:.4g}" if isinstance(item, float) else str(item) for item in value[:6]]
        yield name, ", ".join(shown + ["…"] * (len(value) > 6))
    else:
        yield name, f"{value:.4g}" if isinstance(value, float) else str(value)


def explain(failure, timeout):
    """Return the status in a word or two and the error with the ends of its traceback, without colours."""
    if isinstance(failure, CellTimeoutError):
        return "timed out", f"the cell ran longer than {timeout} s (--timeout)"
    if isinstance(failure, DeadKernelError):
        return "kernel died", "the kernel died: out of memory?"
    if isinstance(failure, RuntimeError):
        return "no kernel", str(failure)
    frames = failure.traceback[2:-1]  # before: a rule and a heading; after: the error once more
    if len(frames) > 2:
        frames[1:-1] = [f"... {len(frames) - 2} more ..."]
    return "failed", strip_ansi("\n".join([*frames, f"{failure.ename}: {failure.evalue[:2000]}"]))


def describe(outcome, source, explanation, target, origin):
    """Return the report on a cell that failed: its source, the error, and the files to open."""
    block = "".join(f"\n  | {line}" for line in source.splitlines())
    return (
        f"\n{outcome.name}: {outcome.status} after {outcome.cells} cells, in\n{block}\n\n{explanation}\n\n"
        f"open {short(target)} to see how far it came, {short(origin)} to mend it\n"
    )


def short(path):
    """Return a path as short as it can be typed."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


# What is written


def stored(source, executed):
    """Return the text of the notebook to commit: the cells of the source with the outputs of a run.

    What differs from run to run or machine to machine is left out: times, standard error (logs with paths and
    times), widgets, the version of Python. A cell's id is a digest of its source, so it moves with the cell.
    """
    notebook, seen = copy.deepcopy(source), []
    for cell, done in zip(notebook.cells, executed.cells, strict=True):
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        seen.append(digest)
        cell.id = f"{digest}-{seen.count(digest)}"
        if cell.cell_type == "code":
            cell.execution_count = done.execution_count
            cell.outputs = [output for output in without_widgets(done) if output.get("name") != "stderr"]
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        notebook.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata.language_info = {"name": "python"}
    return jupytext.writes(notebook, fmt="ipynb") + "\n"


def without_widgets(cell):
    """Return the outputs of a code cell, widgets replaced by their text: they live only with their kernel."""
    outputs = copy.deepcopy(cell.outputs)
    for output in outputs:
        output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    return [output for output in outputs if output.get("data", True)]


# nbconvert's page without the scripts that it fetches. Formulas alone ask for MathJax, and do not wait for it.
PAGE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- if resources.formulas -%}
<script type="text/x-mathjax-config">
MathJax.Hub.Config({tex2jax: {inlineMath: [["$", "$"]], processEscapes: true}, messageStyle: "none"});
</script>
<script async src="{{ resources.mathjax_url }}"></script>
{%- endif -%}{%- endblock -%}
{%- block data_png scoped -%}
<div class="jp-RenderedImage jp-OutputArea-output">
<img src="data:image/png;base64,{{ output.data['image/png'] | replace('\\n', '') }}"
{%- for key in ['alt', 'width', 'height'] if output | get_metadata(key, 'image/png') %}
{{ key }}="{{ output | get_metadata(key, 'image/png') | e }}"
{%- endfor %}>
</div>
{%- endblock -%}
"""

INDEX = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Executed notebooks</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 3rem auto; padding: 0 1rem; color: #222 }
  h1 { font-size: 1.5rem }
  h2 { font-size: 1.15rem; margin: 0; border-top: 1px solid #ccc; padding-top: .75rem }
  p { margin: .25rem 0; color: #555 }
  p.failed { color: #b00020 }
  table { border-collapse: collapse; margin: .5rem 0 1rem; font-size: .875rem }
  td { padding: .1rem 1.5rem .1rem 0; vertical-align: top; overflow-wrap: anywhere }
</style>
<h1>Deep Learning with Python, chapter 9: executed notebooks</h1>
{% for run in runs %}
<h2><a href="{{ run.name }}.html">{{ run.title }}</a></h2>
<p{% if run.status != "ok" %} class="failed"{% endif %}>{{ run.status }}: {{ run.cells }} cells, {{ run.profile }}
profile, {{ duration(run.seconds) }}, {{ size(run.peak) }} peak memory, {{ run.finished }}</p>
{% if run.results %}
<table>
{% for name, value in run.results %}
  <tr><td>{{ name }}<td>{{ value }}
{% endfor %}
</table>
{% endif %}
{% endfor %}
<p>{{ versions }}</p>
</html>
"""


def publish(executed, outcome, options):
    """Save an executed notebook with its outcome, make its page, and renew the index of all pages."""
    for cell in executed.cells:
        if cell.cell_type == "code":
            cell.outputs = without_widgets(cell)
    executed.metadata.pop("widgets", None)
    executed.metadata["run"] = asdict(outcome)
    write_text(options.out / "notebooks" / f"{outcome.name}.ipynb", nbformat.writes(executed))

    prose = " ".join(cell.source for cell in executed.cells if cell.cell_type == "markdown")
    about = {"name": outcome.title, "path": str(options.notebooks)}
    resources = {"metadata": about, "formulas": bool(re.search(r"\$[^$]+\$", prose))}
    loader = jinja2.DictLoader({"page.html.j2": PAGE})
    exporter = HTMLExporter(template_file="page.html.j2", extra_loaders=[loader])
    page, _ = exporter.from_notebook_node(executed, resources)
    write_text(options.out / "html" / f"{outcome.name}.html", page)
    write_text(options.out / "html" / "index.html", index_page(options.out))


def index_page(out):
    """Return the page that lists every notebook executed into a folder, by earlier calls too."""
    notebooks = [nbformat.read(path, as_version=4) for path in sorted((out / "notebooks").glob("*.ipynb"))]
    runs = [notebook.metadata.run for notebook in notebooks if "run" in notebook.metadata]  # not cut short
    versions = [f"Python {platform.python_version()}"]
    for name in ("keras", "tensorflow", "tensorflow-cpu", "numpy"):
        with suppress(PackageNotFoundError):
            versions.append(f"{name} {version(name)}")
    template = jinja2.Template(INDEX, autoescape=True, trim_blocks=True)
    return template.render(runs=runs, versions=", ".join(versions), duration=duration, size=size)


def duration(seconds):
    """Return a time as text for people."""
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"


def size(count):
    """Return a number of bytes as text for people."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def table(outcomes):
    """Return the outcomes as a table in plain text."""
    rows = [("notebook", "cells", "wall time", "peak memory", "status")]
    rows += [(o.name, o.cells, duration(o.seconds), size(o.peak), o.status) for o in outcomes]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def main(argv=None):
    """Run the chosen notebooks one after the other; return the exit status."""
    options = parse_arguments(argv)
    # Kernels inherit the environment; the parameters cell of each notebook reads the first three.
    os.environ.update(PROFILE=options.profile, DATA=str(options.data), BUILD=str(options.out))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TQDM_DISABLE", "1")  # bars with their timings do not belong into a page
    for name in ("COLUMNS", "LINES"):  # the width of a model's summary
        os.environ.pop(name, None)
    papermill_io.register(str(options.out), AtomicHandler())
    outcomes = [run_notebook(stem, source, options) for stem, source in options.chosen.items()]
    print(f"\n{table(outcomes)}\n\npages: {short(options.out / 'html' / 'index.html')}")
    return int(any(outcome.status != "ok" for outcome in outcomes))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
