"""What is measured in a process of its own: `python -m machinery.benchmarks.alone TASK ARGUMENT ...` prints JSON."""

import importlib
import json
import sys
import time


def read_pets(folder: str, size: str, cache: str) -> None:
    """Read a folder of pets into a cache, as notebook 9.2 does."""
    from helpers.pets import list_pets, load_pets  # here, for the import of the helpers is measured, too

    load_pets(*list_pets(folder), int(size), cache=cache)


def import_helpers(*names: str) -> tuple[float, bool]:
    """Return how many seconds it takes to import modules of `helpers`, and whether TensorFlow is there afterwards."""
    started = time.perf_counter()
    for name in names:
        importlib.import_module(f"helpers.{name}")
    return time.perf_counter() - started, "tensorflow" in sys.modules


if __name__ == "__main__":
    task, *arguments = sys.argv[1:]
    print(json.dumps({"read": read_pets, "import": import_helpers}[task](*arguments)))
