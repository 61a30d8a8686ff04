"""A cache of what takes long: an entry is a folder of files, whole or not there, named by what it depends on."""

import hashlib
import json
import warnings
from collections.abc import Callable
from pathlib import Path

from .files import digest_file, write_whole


def name_entry(recipe) -> str:
    """Name an entry by what its content depends on, in anything that JSON can write: 32 hexadecimal digits."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:32]


def stamp_file(path: Path) -> list[int]:
    """Return what changes when a file does: its size in bytes, its inode, and its time of change in nanoseconds."""
    status = path.stat()
    return [status.st_size, status.st_ino, status.st_mtime_ns]


def recall(entry: Path):
    """Return the facts kept with an entry, or None if it is missing, damaged or another's; else its files are whole.

    A file with the stamp that it was stored with is not read; one with another, such as a copy, must have its digest.
    """
    try:
        record = json.loads((entry / "record.json").read_text("utf-8"))
        for name, (stamp, digest) in record["files"].items():
            if stamp_file(entry / name) != stamp and digest_file(entry / name) != digest:
                return None
        return record["facts"] if record["key"] == entry.name else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def store(entry: Path, write: Callable[[Path], None], facts) -> bool:
    """Make an entry, whole or not at all, instead of a damaged one; where that fails, warn and return False.

    One that another process has made in the meantime stays. `write` puts the files into the folder that it is given;
    `facts`, not None, are anything that JSON can write.
    """
    if recall(entry) is not None:
        return True
    try:
        with write_whole(entry) as draft:
            draft.mkdir()
            write(draft)
            files = {file.name: [stamp_file(file), digest_file(file)] for file in sorted(draft.iterdir())}
            record = {"key": entry.name, "files": files, "facts": facts}
            (draft / "record.json").write_text(json.dumps(record), "utf-8")
        return True
    except OSError as error:
        warnings.warn(f"The result is not kept for the next run in {entry.parent}: {error}", stacklevel=2)
        return False
