"""A cache of what takes long: an entry is a folder of files, whole or not there, named by what it depends on."""

import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def name_entry(recipe) -> str:
    """Name an entry by what its content depends on, in anything that JSON can write: 32 hexadecimal digits."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:32]


def recall(entry: Path):
    """Return the facts kept with an entry, or None if it is missing, damaged or another's; else its files are whole."""
    try:
        record = json.loads((entry / "record.json").read_text("utf-8"))
        digests = {name: digest_file(entry / name) for name in record["digests"]}
        if (record["key"], record["digests"]) == (entry.name, digests):
            return record["facts"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        pass
    return None


def store(entry: Path, write: Callable[[Path], None], facts):
    """Make an entry, whole or not at all, instead of a damaged one; where that fails, warn.

    `write` puts the files into the folder that it is given; `facts`, not None, are anything that JSON can write.
    """
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="unfinished-", dir=entry.parent) as folder:
            draft = Path(folder, entry.name)
            draft.mkdir()
            write(draft)
            digests = {file.name: digest_file(file) for file in sorted(draft.iterdir())}
            record = {"key": entry.name, "digests": digests, "facts": facts}
            (draft / "record.json").write_text(json.dumps(record), "utf-8")
            shutil.rmtree(entry, ignore_errors=True)  # a damaged one
            os.replace(draft, entry)
    except OSError as error:
        warnings.warn(f"The result is not kept for the next run in {entry.parent}: {error}", stacklevel=2)
