#!/usr/bin/env python3
"""Draw the sample pets into a folder in the layout of Oxford-IIIT Pet; nothing to do if they are there.

python scripts/draw_sample_pets.py
python scripts/draw_sample_pets.py --count 20000 --seed 5 --dest somewhere/else
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "notebooks"))

from helpers.sample_pets import write_sample_pets  # noqa: E402 (found only now)


def main():
    """Parse the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=3000, help="number of pictures, half of them cats (3000)")
    parser.add_argument("--seed", type=int, default=2021, help="another seed, other pictures (2021)")
    parser.add_argument("--dest", type=Path, default=ROOT / "data" / "sample-pets", help="folder (data/sample-pets)")
    options = parser.parse_args()
    if options.count < 1 or options.seed < 0:
        parser.error("--count must be at least 1, --seed at least 0")
    try:
        folder = write_sample_pets(options.dest, options.count, options.seed)
    except OSError as error:
        sys.exit(f"Not drawn: {error}")
    print(f"{options.count:,} sample pets are in {folder}")


if __name__ == "__main__":
    main()
