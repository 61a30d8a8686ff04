"""A pytest plugin on top of nbval: every code cell of every notebook runs, and its outputs are compared.

nbval finds the notebooks and starts their kernels; how a cell runs and is compared is decided here. Text is compared
exactly but for its numbers, figures by size and pixels, everything else (tables, formulas) exactly. A cell that needs
other limits than `DEFAULTS` has them in its metadata, one value for all devices or one for each:

    # %% nbval={"rtol": {"cpu": 1e-3, "gpu": 5e-2}, "figure_rms": 0.02, "timeout": 60}

Two tags count: `raises-exception` for a cell that must raise, and `nbval-ignore-output` for one that runs but is not
compared, together with its reason: `nbval={"reason": "..."}`. nbval's other tags and comments have no effect. After
the first cell that fails, the rest of a notebook is not run. `pytest -n 2 --dist loadfile` runs two notebooks at once.

`stored` and `prose` look at notebooks as they lie there, `outputs` compares, `pages` shows figures that differ, and
`plugin` runs the cells and talks to pytest.
"""

DEFAULTS = {
    # Of a number with a decimal point or an exponent. Half a unit of its last digit comes on top, for it was rounded
    # when printed. Other numbers count something: they are compared exactly.
    "rtol": {"cpu": 1e-3, "gpu": 1e-2},
    "atol": 1e-8,
    # Root mean square of the difference of all pixels; 1 is black against white. Two names of a legend exchanged make
    # about 0.01, the same figure drawn twice makes 0.
    "figure_rms": {"cpu": 0.005, "gpu": 0.02},
    "figure_size": 0,  # share by which a side may differ: labels of another width move what is beside them
    "timeout": 1800,  # seconds that a cell may run: it is against what hangs, and some machines are slow
}


class Failure(Exception):
    """A check that failed; `pictures` are the expected and the actual one, if it is about a figure."""

    def __init__(self, message, pictures=()):
        super().__init__(message)
        self.pictures = pictures


def limits_of(cell, device):
    """Return the limits of a cell on a device ("cpu" or "gpu"): those in its metadata, else the defaults."""
    limits = {}
    for name, default in DEFAULTS.items():
        for value in (default, cell.metadata.get("nbval", {}).get(name)):
            value = value.get(device) if isinstance(value, dict) else value
            limits[name] = limits.get(name) if value is None else value
    return limits


def is_ignored(cell):
    """Tell whether the outputs of a cell are not compared."""
    return "nbval-ignore-output" in cell.metadata.get("tags", [])


def reason(cell):
    """Return why a cell is not compared."""
    return cell.metadata.get("nbval", {}).get("reason", "").strip()
