"""Draw what the notebooks' `sample` profile shows into data/, unless it is there, or another set elsewhere.

.venv/bin/python -m sample_pets
.venv/bin/python -m sample_pets --count 20000 --seed 5 --dest somewhere/else
"""

import argparse
import signal
import sys
from pathlib import Path

from . import PORTRAITS, write_sample_pets

DATA = Path(__file__).resolve().parents[1] / "data"
# Folders in data/: whole animals and portraits for 9.2, portraits for 9.3, heads alone and anywhere for 9.4.
SETS = {
    "sample-pets": {"count": 3000},
    "sample-dogs-vs-cats": {"count": 2600, "portraits": 1.0, "layout": "kaggle"},
    "sample-heads": {"count": 3800, "heads": True, "layout": "kaggle"},
}


def main():
    """Parse the command line and draw: the sets of the notebooks, or another one."""
    parser = argparse.ArgumentParser(prog="python -m sample_pets", description=__doc__.splitlines()[0])
    parser.add_argument("--dest", type=Path, help="draw one set here, instead of those of the notebooks into data/")
    parser.add_argument("--count", type=int, help="with --dest: number of pictures, half of them cats (3000)")
    parser.add_argument("--seed", type=int, help="with --dest: another seed, other pictures (2021)")
    parser.add_argument("--portraits", type=float, help=f"with --dest: share of portraits, 0 to 1 ({PORTRAITS})")
    parser.add_argument("--heads", action="store_const", const=True, help="with --dest: heads alone, amid clutter")
    options = parser.parse_args()
    given = {name: value for name, value in vars(options).items() if value is not None}
    folder = given.pop("dest", None)
    if given and not folder:
        parser.error(f"--{next(iter(given))} needs --dest: the sets of the notebooks are what they are")
    if given.get("count", 1) < 1 or given.get("seed", 0) < 0 or not 0 <= given.get("portraits", 0) <= 1:
        parser.error("--count must be at least 1, --seed at least 0, --portraits 0 to 1")
    sets = {folder: {"count": 3000} | given} if folder else {DATA / name: recipe for name, recipe in SETS.items()}
    for target, recipe in sets.items():
        try:
            drawn = write_sample_pets(target, **recipe)
        except OSError as error:
            sys.exit(f"Not drawn: {error}")
        print(f"{recipe['count']:,} sample pets are in {drawn}")


def end(number, _):
    """Answer a signal by an exit that removes what is half drawn; the status is the shell's for that signal."""
    sys.exit(128 + number)


if __name__ == "__main__":
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows lacks the last
        if number and signal.getsignal(number) != signal.SIG_IGN:  # ignored: by nohup, for instance
            signal.signal(number, end)
    main()
