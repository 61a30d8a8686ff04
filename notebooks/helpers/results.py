"""What a run of a notebook leaves behind for machines to compare, and what runs at larger scales have left."""

import json
import math
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path

from . import devices
from .files import write_whole
from .knobs import PROFILES

ROOT = Path(__file__).resolve().parents[2]
MEASUREMENTS = ROOT / "docs" / "measurements"


def save_results(results, path):
    """Write results as JSON, whole or not at all, and print them one a line; of a list or dict, its length.

    Args:
        results: dict of names to str, numbers, lists or dicts of these; what is no finite number becomes null.
        path: file to write; its folder is made if missing. It also gets, as "run", when, where and with what.

    Returns:
        The path.
    """
    path = Path(path)
    with write_whole(path) as draft:
        draft.write_text(json.dumps(_finite(results) | {"run": describe_run()}, indent=2, allow_nan=False) + "\n")
    for name, value in results.items():
        value = f"{len(value)} values" if isinstance(value, list | dict) else value
        print(f"{name:28} {f'{value:.4f}' if isinstance(value, float) else value}")
    return path


def describe_run():
    """Return the date, the commit, the versions and the machine of a run, as dicts of text and numbers."""
    loaded = [name for name in ("keras", "numpy", "tensorflow", "jax", "torch") if name in sys.modules]
    versions = {"python": platform.python_version()} | {name: sys.modules[name].__version__ for name in loaded}
    try:
        command = ["git", "describe", "--always", "--dirty"]
        commit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):  # no git, or a copy without its history
        commit = "unknown"
    return {"date": f"{date.today()}", "commit": commit, "versions": versions, "machine": devices.describe()}


def read_measured(section, results, folder=MEASUREMENTS):
    """Return the results of a notebook at all scales, a dict of profile to results, the smallest scale first.

    Args:
        section: number of the notebook, "9_2" to "9_5".
        results: those of this run; they stand for their profile.
        folder: where those of the others lie, as `save_results` has written them, in `SECTION_PROFILE.json`. A profile
            without its file is left out.
    """
    files = {profile: Path(folder, f"{section}_{profile}.json") for profile in PROFILES}
    runs = {profile: json.loads(file.read_text("utf-8")) for profile, file in files.items() if file.exists()}
    runs[results["profile"]] = results
    return {profile: runs[profile] for profile in PROFILES if profile in runs}


def _finite(value):
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
