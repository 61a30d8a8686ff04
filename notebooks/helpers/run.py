"""A run of a notebook: which profile it takes, what it leaves behind."""

import json
import os
from pathlib import Path

PROFILES = ("sample", "book")


def profile_values(profile):
    """Choose between the two defaults of a knob.

    Args:
        profile: "sample" (drawn pets, minutes on a laptop) or "book" (the chapter's numbers).

    Returns:
        A function `knob(*, sample, book)` that returns one of its two arguments.

    Raises:
        ValueError: there is no such profile.
    """
    if profile not in PROFILES:
        raise ValueError(f'PROFILE is {profile!r}; expected "sample" or "book"')

    def knob(*, sample, book):
        return {"sample": sample, "book": book}[profile]

    return knob


def save_results(results, path):
    """Write results as JSON, whole or not at all, and print them one a line; of a list or dict, its length.

    Args:
        results: dict of names to str, numbers, lists or dicts of these.
        path: file to write; its folder is made if missing.

    Returns:
        The path.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    try:
        unfinished.write_text(json.dumps(results, indent=2) + "\n")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    for name, value in results.items():
        value = f"{len(value)} values" if isinstance(value, list | dict) else value
        print(f"{name:28} {f'{value:.4f}' if isinstance(value, float) else value}")
    return path
