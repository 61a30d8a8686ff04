"""Files and folders that appear whole under their name, or not at all."""

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

A_DAY = 24 * 60 * 60  # seconds


@contextmanager
def write_whole(path: Path) -> Iterator[Path]:
    """Write a file or a folder whole or not at all, in place of an older one.

    The `with` block gets a passing path beside `path`, with the same suffix, and makes a file or a folder there. If the
    block ends without an error, that takes the name `path`; else it is removed, and what was there before is untouched.
    Missing parent folders are made, and what killed processes have left there for a day is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(".unfinished-*"):
        with suppress(OSError):  # another process may be faster
            if time.time() - left.stat().st_mtime > A_DAY:
                _remove(left)
    draft, old = (path.with_name(f".unfinished-{os.getpid()}-{kind}{path.name}") for kind in ("", "old-"))
    _remove(draft)  # of a process that was killed and had the same number
    _remove(old)
    try:
        yield draft
        if draft.is_dir() and path.is_dir():
            os.rename(path, old)  # at once, while to remove it takes time: nobody meets half a folder
        try:
            os.replace(draft, path)
        except OSError:
            if old.exists():
                os.rename(old, path)
            raise
    finally:
        _remove(draft)
        _remove(old)


def _remove(draft: Path):
    if draft.is_dir():
        shutil.rmtree(draft, ignore_errors=True)
    else:
        draft.unlink(missing_ok=True)


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
