#!/usr/bin/env python3
"""Store the networks of the live page in docs/site/networks: those that `make test` has trained.

The files are Keras's, without the optimizer's state. Argument: the folder in which the tests have executed the
notebooks, if it is another than build/notebook-checks.
"""

import sys
from pathlib import Path

from helpers.files import write_whole
from helpers.lessons import load_lesson
from machinery.site.live import NETWORKS, load_network

TRAINED = Path(__file__).resolve().parents[1] / "build" / "notebook-checks"
SOURCES = {  # file: the notebook that trains it, and the name of its file there
    "masks": ("9_2_image_segmentation", "oxford_segmentation"),
    "heads": ("9_4_interpreting_convnets", "mini_xception"),
}


def find_trained(folder, stem, name):
    """Return a notebook's network of some name, told from others' by its size; LookupError if there is not just one."""
    size = load_lesson(stem, PROFILE="sample").IMAGE_SIZE
    networks = map(load_network, folder.glob(f"lessons/models/sample/{name}-*/{name}.keras"))
    found = [network for network in networks if network.input_shape[1] == size]
    if len(found) != 1:
        raise LookupError(f"{len(found)} of {name} for {size} pixels under {folder}/lessons, expected one: `make test`")
    return found[0]


def main(arguments):
    """Store both networks."""
    folder = Path(*arguments) if arguments else TRAINED
    for file, (stem, name) in SOURCES.items():
        network = find_trained(folder, stem, name)
        with write_whole(NETWORKS / f"{file}.keras") as draft:
            network.save(draft)
        print(f"{file}.keras: {network.count_params():,} parameters, from {stem}")


if __name__ == "__main__":
    main(sys.argv[1:])
