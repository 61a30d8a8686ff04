"""A run of a notebook: which profile it takes, what it leaves behind."""

import json
import logging
import os
from contextlib import contextmanager
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


def start_keras():
    """Import Keras without a word from TensorFlow; its backend is KERAS_BACKEND, "tensorflow" unless that is set."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with quiet_start():  # some messages come in spite of that
        import keras  # noqa: F401
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # the same for its warnings


@contextmanager
def quiet_start():
    """Drop what libraries written in C print to standard error in a `with` block, as TensorFlow does when imported.

    Exceptions arrive, and so does what Python prints in a notebook.
    """
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


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
