#!/usr/bin/env python3
"""Store the networks of the live page in docs/site/networks: those that `make test` has trained.

The files are Keras's, without the optimizer's state. Argument: the folder in which the tests have executed the
notebooks, if it is another than build/notebook-checks.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = {  # file: the notebook that trains it, and the name of its file there
    "masks": ("9_2_image_segmentation", "oxford_segmentation"),
    "heads": ("9_4_interpreting_convnets", "mini_xception"),
}


def find_trained(folder, stem, name):
    """Return the file of a network that a notebook's training has finished; LookupError if there is not just one."""
    found = list(folder.glob(f"{stem}/models/sample/{name}-*/{name}.keras"))
    if len(found) != 1:
        raise LookupError(f"{len(found)} files of {name} under {folder / stem}, expected one: run `make test`")
    return found[0]


def main(arguments):
    """Store both networks."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from helpers.start import start_keras

    start_keras()
    import keras

    folder = Path(arguments[0]) if arguments else ROOT / "build" / "notebook-checks"
    target = ROOT / "docs" / "site" / "networks"
    target.mkdir(parents=True, exist_ok=True)
    for file, (stem, name) in NETWORKS.items():
        network = keras.saving.load_model(find_trained(folder, stem, name), compile=False)
        network.save(target / f"{file}.keras")
        print(f"{file}.keras: {network.count_params():,} parameters, from {stem}")


if __name__ == "__main__":
    main(sys.argv[1:])
