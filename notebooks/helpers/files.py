"""Files and folders that appear whole under their name, or not at all."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def write_whole(path: Path) -> Iterator[Path]:
    """Write a file or a folder whole or not at all, in place of an older one.

    The `with` block gets a passing path beside `path`, with the same suffix, and makes a file or a folder there. If the
    block ends without an error, that takes the name `path`; else it is removed, and what was there before is untouched.
    Missing parent folders are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".unfinished-{os.getpid()}-{path.name}")
    _remove(draft)  # of a process that was killed and had the same number
    try:
        yield draft
        if draft.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        os.replace(draft, path)
    finally:
        _remove(draft)


def _remove(draft: Path):
    if draft.is_dir():
        shutil.rmtree(draft, ignore_errors=True)
    else:
        draft.unlink(missing_ok=True)


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
