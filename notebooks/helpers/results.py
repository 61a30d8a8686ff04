"""What a run of a notebook leaves behind for machines to compare."""

import json
import math
from pathlib import Path

from .files import write_whole


def save_results(results, path):
    """Write results as JSON, whole or not at all, and print them one a line; of a list or dict, its length.

    Args:
        results: dict of names to str, numbers, lists or dicts of these; what is no finite number becomes null.
        path: file to write; its folder is made if missing.

    Returns:
        The path.
    """
    path = Path(path)
    with write_whole(path) as draft:
        draft.write_text(json.dumps(_finite(results), indent=2, allow_nan=False) + "\n")
    for name, value in results.items():
        value = f"{len(value)} values" if isinstance(value, list | dict) else value
        print(f"{name:28} {f'{value:.4f}' if isinstance(value, float) else value}")
    return path


def _finite(value):
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
