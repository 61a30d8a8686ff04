#!/usr/bin/env python3
"""Store the networks of the live page in docs/site/networks: those that `make test` has trained.

The files are Keras's, without the optimizer's state. Argument: the folder in which the tests have executed the
notebooks, if it is another than build/notebook-checks.
"""

import sys
from pathlib import Path

from helpers.files import write_whole
from machinery.site.live import NETWORKS, load_network

TRAINED = Path(__file__).resolve().parents[1] / "build" / "notebook-checks"
SOURCES = {  # file: the notebook that trains it, after any other that does, and the name of its file there
    "masks": ("9_2_image_segmentation", "oxford_segmentation"),
    "heads": ("9_4_interpreting_convnets", "mini_xception"),
}


def find_trained(folder, stem, name):
    """Return the file in which a notebook keeps a network, the last of that name; LookupError if there is none."""
    found = folder.glob(f"lessons/models/sample/{name}-*/{name}.keras")
    if not (last := max(found, key=lambda path: path.stat().st_mtime, default=None)):
        raise LookupError(f"no file of {name}, which {stem} trains, under {folder / 'lessons'}: run `make test`")
    return last


def main(arguments):
    """Store both networks."""
    folder = Path(*arguments) if arguments else TRAINED
    for file, (stem, name) in SOURCES.items():
        network = load_network(find_trained(folder, stem, name))
        with write_whole(NETWORKS / f"{file}.keras") as draft:
            network.save(draft)
        print(f"{file}.keras: {network.count_params():,} parameters, from {stem}")


if __name__ == "__main__":
    main(sys.argv[1:])
