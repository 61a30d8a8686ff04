#!/usr/bin/env python3
"""Compare results of the book's scale with what the book claims: those of your run, else those stored here.

Your run is one with `--profile book`, whose results lie in `build/results`; the stored ones are
`docs/measurements/*_book.json`. A claim holds, or FAILS, or is open: what it speaks of has not been measured. The exit
status is 0 if all hold.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from helpers.results import MEASUREMENTS

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Claim:
    """What the book says of a result, and what still agrees with it."""

    number: str  # in the chapter's order of claims
    section: str  # whose notebook writes the result: "9_2" for `results/9_2.json`
    says: str
    key: str  # of the result
    shown: Callable  # the result's value to what is compared and printed
    holds: Callable  # whether that agrees
    network: str | None = None  # whose answers it speaks of, if the notebook can ask any


def near(expected, tolerance):
    """Return a test of a number."""
    return lambda value: abs(value - expected) <= tolerance


def at_least(least):
    """Return a test of a number."""
    return lambda value: value >= least


def rises(values):
    """Tell whether the last of some numbers is above the first."""
    return values[-1] > values[0]


def three_digits(value):
    """Return a score as it is printed."""
    return round(float(value), 3)


def best_epoch(history):
    """Return the epoch, from 1, with the lowest validation loss."""
    return 1 + history["val_loss"].index(min(history["val_loss"]))


def first_and_last(shares):
    """Return the values of the first and the last layer of a dict of layer to share."""
    first, *_, last = shares.values()
    return [round(first, 2), round(last, 2)]


def first_three(classes):
    """Return [name, probability] of the first three of a list of [id, name, probability]."""
    return [[name, round(probability, 3)] for _, name, probability in classes[:3]]


ELEPHANTS = [["African_elephant", 0.870], ["tusker", 0.077], ["Indian_elephant", 0.024]]


def are_the_elephants(classes):
    """Tell whether three [name, probability] are the book's, in its order."""
    pairs = zip(classes, ELEPHANTS, strict=True)
    return all(name == expected and near(share, 0.03)(probability) for (name, probability), (expected, share) in pairs)


# A test accuracy from 2,000 pictures is sure to about 0.015, and two trainings differ by as much again.
CLAIMS = (
    Claim("C-5", "9_2", "over-fitting near epoch 25", "history", best_epoch, near(25, 10)),
    Claim("C-6", "9_2", "a usable mask (IoU of the animal 0.7 or more)", "iou_animal", three_digits, at_least(0.7)),
    Claim("C-14", "9_3", "mini-Xception 0.908", "test_accuracy_mini_xception", three_digits, near(0.908, 0.03)),
    Claim("C-14", "9_3", "baseline 0.835", "test_accuracy_baseline", three_digits, near(0.835, 0.03)),
    Claim("C-17", "9_4", "more channels are silent in deeper layers", "silent_channels", first_and_last, rises),
    Claim("C-19", "9_4", f"top three {ELEPHANTS}", "top_classes", first_three, are_the_elephants, "Xception"),
    Claim("C-20", "9_4", "class 386", "top_class_index", int, near(386, 0), "Xception"),
)


def read_results(section, folder):
    """Return the results of a notebook at the book's scale, and whose they are; of neither, an empty dict and why."""
    own, stored = folder / f"{section}.json", MEASUREMENTS / f"{section}_book.json"
    for path, whose in ((own, "your run"), (stored, "stored")):
        if path.exists():
            results = json.loads(path.read_text(encoding="utf-8"))
            if results.get("profile") == "book":
                return results, f"{whose}, {results.get('run', {}).get('date', 'without a date')}"
    return {}, f"{section} has not run with --profile book"


def check(claim, folder):
    """Return a verdict on a claim ("holds", "FAILS" or "open"), and the result or what was found instead of it."""
    results, whose = read_results(claim.section, folder)
    if results.get(claim.key) is None:
        return "open", f"no {claim.key} ({whose})"
    value = claim.shown(results[claim.key])
    if claim.network and results["backbone"] != claim.network:
        return "open", f"{value}, of {results['backbone']} ({whose})"
    return ("holds" if claim.holds(value) else "FAILS"), f"{value} ({whose})"


def main(argv=None):
    """Print a table of all claims; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "results", metavar="DIR")
    options = parser.parse_args(argv)
    verdicts = [check(claim, options.results) for claim in CLAIMS]
    for claim, (verdict, found) in zip(CLAIMS, verdicts, strict=True):
        print(f"{claim.number:5} {verdict:8} the book: {claim.says}; here: {found}")
    return int(any(verdict != "holds" for verdict, _ in verdicts))


if __name__ == "__main__":
    sys.exit(main())
