"""Bring a file here: resume what was broken off, verify the whole, and only then put it in its place."""

import hashlib
import os
import time
from pathlib import Path

import requests
from tqdm import tqdm

from machinery.downloads.notes import read_note, write_note
from machinery.downloads.registry import File
from machinery.downloads.reporting import DataError, say
from machinery.downloads.sources import TRANSIENT, DroppedError, Source, SourceError, open_source
from machinery.downloads.space import check_space

TRIES = 4  # tries in a row that bring no byte, before a source is given up
PAUSE = 1.0  # seconds before the first new try; doubled with each one in vain


class Receiver:
    """Receive a file from a source, going on where an earlier try stopped, in this run or another.

    The bytes gather in NAME.part; NAME.part.json remembers the source and its version. A part from elsewhere
    is continued only if the file has a checksum, which then judges the whole.
    """

    def __init__(self, file: File, folder: Path, source: Source, timeout: float):
        self.file = file
        self.source = source
        self.timeout = timeout
        self.part = folder / f"{file.name}.part"
        self.origin = folder / f"{file.name}.part.json"
        self.resumed = self.received > 0

    @property
    def received(self) -> int:
        """The number of bytes in the part."""
        return self.part.stat().st_size if self.part.exists() else 0

    def receive(self) -> None:
        """Complete the part, through as many dropped connections as it takes; SourceError if it takes too many."""
        most = self.received
        in_vain = 0
        while not (self.file.checksum and self.received == self.file.size):
            try:
                self.receive_once()
                return
            except TRANSIENT as error:
                in_vain = 0 if self.received > most else in_vain + 1
                most = max(most, self.received)
                if in_vain == TRIES:
                    raise SourceError(f"given up after {TRIES} tries: {error}") from error
                say(f"  {self.file.name}: {error}; trying again")
                time.sleep(PAUSE * 2**in_vain)
            except requests.RequestException as error:
                raise SourceError(str(error)) from error

    def receive_once(self) -> None:
        """Append to the part what the source sends; raise DroppedError if that ends too early."""
        with open_source(self.source, *self.find_position(), self.timeout) as answer:
            total = answer.total or self.file.size
            if self.file.size not in (0, total):
                raise SourceError(f"{total:,} bytes there, {self.file.size:,} expected")
            check_space(self.part.parent, total - answer.start, self.file.name)
            if answer.start:
                self.resumed = True
                say(f"  {self.file.name}: resumed at {answer.start:,} of {total:,} bytes")
            # No bar in a log (`disable`), nor for a file that is here at once (`delay`).
            looks = {"unit": "B", "unit_scale": True, "leave": False, "disable": None, "delay": 0.5}
            mode = "ab" if answer.start else "wb"
            with open(self.part, mode) as out, tqdm(initial=answer.start, total=total or None, **looks) as bar:
                write_note(self.origin, {"source": str(self.source), "validator": answer.validator})
                for chunk in answer.chunks:
                    out.write(chunk)
                    bar.update(len(chunk))
                out.flush()
                os.fsync(out.fileno())
        if total and self.received > total:
            self.discard()
            raise DroppedError(f"more than the {total:,} bytes; was it fetched twice at once?")
        if self.received < total:
            raise DroppedError(f"the connection ended at {self.received:,} of {total:,} bytes")

    def find_position(self) -> tuple[int, str]:
        """Return the byte to go on from, and the validator that the source must still have."""
        note = read_note(self.origin)
        if note.get("source") == str(self.source) and note.get("validator"):
            return self.received, note["validator"]
        return (self.received if self.file.checksum and self.received < self.file.size else 0), ""

    def discard(self) -> None:
        """Remove the part."""
        self.part.unlink(missing_ok=True)
        self.origin.unlink(missing_ok=True)


def fetch(file: File, folder: Path, sources: list[Source], timeout: float) -> Source:
    """Bring a file from the first source that delivers it whole; return that source.

    The checksum is computed before the file gets its name: a bad one never takes the place of a good one.
    Raises DataError with every source and its reason if none delivers.
    """
    if not sources:
        raise DataError(f"{file.name} has no public address.")
    folder.mkdir(parents=True, exist_ok=True)
    failures = []
    for source in sources:
        for _ in range(2):
            receiver = Receiver(file, folder, source, timeout)
            try:
                receiver.receive()
                compare_checksum(receiver.part, file.checksum)
                os.replace(receiver.part, folder / file.name)
                receiver.discard()
                return source
            except SourceError as error:
                failures.append(f"{source}: {error}")
                break
            except ValueError as error:  # the checksum is wrong
                receiver.discard()
                failures.append(f"{source}: {error}")
                if not receiver.resumed:
                    break
                say(f"  {file.name}: wrong checksum after resuming; once more from the first byte")
        say(f"  {file.name}: {failures[-1]}")
    advice = "  Run the same command again to go on, or give another copy with --mirror URL-OR-FOLDER."
    raise DataError("\n    ".join([f"{file.name} could not be fetched:", *failures]) + f"\n{advice}")


def compute_checksum(path: Path, like: str | None) -> str:
    """Return the checksum of a file, by the algorithm of another; sha256 without one."""
    algorithm = like.split(":")[0] if like else "sha256"
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def compare_checksum(path: Path, expected: str | None) -> None:
    """Raise a ValueError if a file has another checksum than the expected one, if there is one."""
    if expected and (actual := compute_checksum(path, expected)) != expected:
        raise ValueError(f"the checksum is wrong: expected {expected}, got {actual}")
