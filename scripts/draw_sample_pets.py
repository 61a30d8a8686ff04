#!/usr/bin/env python3
"""Draw what the notebooks' `sample` profile shows, in the layout of Oxford-IIIT Pet; nothing to do where it is there.

python scripts/draw_sample_pets.py
python scripts/draw_sample_pets.py --count 20000 --seed 5 --dest somewhere/else
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "notebooks"))

from helpers.sample_pets import PORTRAITS, write_sample_pets  # noqa: E402 (found only now)

# Folder in data/ and share of portraits: all of an animal or its head for 9.2, heads alone for 9.3.
SETS = {"sample-pets": PORTRAITS, "sample-dogs-vs-cats": 1.0}


def main():
    """Parse the command line and draw: both sets, or one into another folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=3000, help="number of pictures, half of them cats (3000)")
    parser.add_argument("--seed", type=int, default=2021, help="another seed, other pictures (2021)")
    parser.add_argument("--portraits", type=float, default=PORTRAITS, help="share of heads in --dest, 0 to 1 (0.6)")
    parser.add_argument("--dest", type=Path, help="draw one set into this folder (both of the notebooks, into data)")
    options = parser.parse_args()
    if options.count < 1 or options.seed < 0 or not 0 <= options.portraits <= 1:
        parser.error("--count must be at least 1, --seed at least 0, --portraits 0 to 1")
    sets = {ROOT / "data" / name: portraits for name, portraits in SETS.items()}
    for folder, portraits in ({options.dest: options.portraits} if options.dest else sets).items():
        try:
            write_sample_pets(folder, options.count, options.seed, portraits)
        except OSError as error:
            sys.exit(f"Not drawn: {error}")
        print(f"{options.count:,} sample pets are in {folder}")


if __name__ == "__main__":
    main()
