"""A cache of what takes long: an entry is a folder of files, whole or not there, named by what it depends on."""

import hashlib
import json
import os
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from .files import digest_file, write_whole

SETTLED = 2.0  # seconds; a file changed more recently may change again without another time of change


class Digests:
    """SHA-256 of files, remembered on disk as long as a file's size, inode and time of change stay the same.

    Git's index does it in the same way. What cannot be read or written of the memory is only slower.
    """

    def __init__(self, memory: Path):
        self.memory, self.known, self.news = memory, {}, False
        try:
            self.known = dict(json.loads(memory.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            pass

    def recall(self, path: Path) -> str | None:
        """Return the digest of a file if it is known and nothing says that the file has changed."""
        match self.known.get(os.path.abspath(path)):
            case [stamp, str(digest)] if stamp == _stamp(path):
                return digest
        return None

    def trust(self, entry: Path):
        """Remember what `store` has just noted of an entry's files, which nobody else changes."""
        for name, digest in json.loads((entry / "record.json").read_text("utf-8"))["digests"].items():
            self._remember(entry / name, _stamp(entry / name), digest)

    def __call__(self, path: Path) -> str:
        """Return the digest of a file; read the file if it must be."""
        if digest := self.recall(path):
            return digest
        stamp, digest = _stamp(path), digest_file(path)
        if time.time() - stamp[2] / 1e9 > SETTLED and stamp == _stamp(path):
            self._remember(path, stamp, digest)
        return digest

    def _remember(self, path, stamp, digest):
        self.known[os.path.abspath(path)] = [stamp, digest]
        self.news = True

    def save(self):
        """Write what is new."""
        if not self.news:
            return
        draft = self.memory.with_name(f"unfinished-{os.getpid()}.json")
        try:
            draft.write_text(json.dumps(self.known), "utf-8")
            draft.replace(self.memory)
            self.news = False
        except OSError:
            pass
        finally:
            with suppress(OSError):
                draft.unlink()


def name_entry(recipe) -> str:
    """Name an entry by what its content depends on, in anything that JSON can write: 32 hexadecimal digits."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:32]


def recall(entry: Path, digest: Callable[[Path], str] = digest_file):
    """Return the facts kept with an entry, or None if it is missing, damaged or another's; else its files are whole."""
    try:
        record = json.loads((entry / "record.json").read_text("utf-8"))
        digests = {name: digest(entry / name) for name in record["digests"]}
        if (record["key"], record["digests"]) == (entry.name, digests):
            return record["facts"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        pass
    return None


def store(entry: Path, write: Callable[[Path], None], facts) -> bool:
    """Make an entry, whole or not at all, instead of a damaged one; where that fails, warn and return False.

    `write` puts the files into the folder that it is given; `facts`, not None, are anything that JSON can write.
    """
    try:
        with write_whole(entry) as draft:
            draft.mkdir()
            write(draft)
            digests = {file.name: digest_file(file) for file in sorted(draft.iterdir())}
            record = {"key": entry.name, "digests": digests, "facts": facts}
            (draft / "record.json").write_text(json.dumps(record), "utf-8")
        return True
    except OSError as error:
        warnings.warn(f"The result is not kept for the next run in {entry.parent}: {error}", stacklevel=2)
        return False


def _stamp(path: Path) -> list[int]:
    status = os.stat(path)
    return [status.st_size, status.st_ino, status.st_mtime_ns]
