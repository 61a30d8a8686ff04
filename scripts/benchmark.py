#!/usr/bin/env python3
"""Measure the project against the book's formulation: the same work on the same data, in turns, in one run.

.venv/bin/python scripts/benchmark.py                          # everything, a quarter of an hour on two cores
.venv/bin/python scripts/benchmark.py --only read --only cam   # some of it
.venv/bin/python scripts/benchmark.py --small                  # a minute: results are checked, ratios mean nothing

Results go to build/benchmark/benchmark.json. Exits with 1 if results that should agree do not.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from helpers.files import write_whole
from helpers.start import start_keras
from machinery.benchmarks.measuring import choose_scale
from machinery.benchmarks.reporting import print_table

ROOT = Path(__file__).resolve().parent.parent
WORK = ("read", "segmentation", "mini-xception", "patterns", "cam")


def parse_arguments(argv):
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=WORK, help="measure this only; repeatable")
    parser.add_argument("--small", action="store_true", help="as little work as possible: checks the results alone")
    parser.add_argument("--out", type=Path, default=ROOT / "build/benchmark", metavar="DIR", help="data and results")
    return parser.parse_args(argv)


def find_measures():
    """Return the function that measures each work, once `start_keras` was there: these modules import Keras."""
    from machinery.benchmarks import interpreting, reading, training

    return {
        "read": reading.measure_reading,
        "segmentation": training.measure_segmentation,
        "mini-xception": training.measure_mini_xception,
        "patterns": interpreting.measure_patterns,
        "cam": interpreting.measure_grad_cam,
    }


def main(argv=None):
    """Measure what is asked for, print the table; return the exit status."""
    options = parse_arguments(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    start_keras()
    from machinery.benchmarks.floors import describe_machine  # here, for it imports Keras

    measures = find_measures()
    os.environ["TQDM_DISABLE"] = "1"  # bars of the helpers would be measured; tqdm, imported by now, still shows ours
    machine, rows = describe_machine(), []
    print("this machine:", ", ".join(f"{name} {value}" for name, value in machine.items()))
    for name in options.only or WORK:
        print(f"measuring {name}", flush=True)
        rows += measures[name](choose_scale(options.small), options.out)
        record = {"machine": machine, "rows": [asdict(row) | {"ratio": row.ratio} for row in rows]}
        with write_whole(options.out / "benchmark.json") as draft:
            draft.write_text(json.dumps(record, indent=2) + "\n")
    print_table(rows)
    return 0 if all(row.agree for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
