"""Decide what a file of a data set still needs, see that it gets it, and say so."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from machinery.downloads.fetching import compute_checksum, fetch
from machinery.downloads.notes import read_note
from machinery.downloads.registry import File
from machinery.downloads.reporting import DataError, format_bytes, say
from machinery.downloads.sources import Source, join_source
from machinery.downloads.unpacking import compare_unpacked, is_unpacked, locate_stamp, unpack

UNPACKED = 1.2  # bytes of files per byte of archive, an estimate: pictures hardly compress


def count_missing(file: File, folder: Path) -> int:
    """Return how many bytes of a file are still to be fetched, as far as its size is known."""
    part = folder / f"{file.name}.part"
    received = part.stat().st_size if part.exists() else 0
    return 0 if (folder / file.name).exists() else max(0, file.size - received)


def estimate_space(file: File, folder: Path) -> float:
    """Estimate the bytes that a file will still take, unpacked files included."""
    to_unpack = file.is_archive and not locate_stamp(folder / file.name).exists()
    return count_missing(file, folder) + (UNPACKED * file.size if to_unpack else 0)


def provide(file: File, folder: Path, mirrors: list[Source], timeout: float) -> bool:
    """Fetch, verify and unpack one file; return whether there was anything to do.

    It is looked for as MIRROR/FOLDER/NAME and MIRROR/NAME in each mirror, then at the registry's URLs. Another process
    that is at work in the same folder is waited for. If nothing is to do, nothing is written.
    """
    path = folder / file.name
    if (checksum := check(file, path)) is None:
        folder.mkdir(parents=True, exist_ok=True)
        with alone_in(folder):
            if (checksum := check(file, path)) is None:
                bring(file, path, mirrors, timeout)
                return True
    say(f"  {file.name}: nothing to do ({tell_verdict(file, checksum)})")
    return False


def find_checksum(file: File, path: Path) -> str | None:
    """Return the checksum of a file that is there and is the right one; else None."""
    checksum = compute_checksum(path, file.checksum) if path.exists() else None
    return checksum if checksum == (file.checksum or checksum) else None


def check(file: File, path: Path) -> str | None:
    """Return the checksum of a file that is there, is the right one and, if an archive, was unpacked; else None."""
    checksum = find_checksum(file, path)
    return checksum if checksum and (not file.is_archive or is_unpacked(path, checksum)) else None


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder while the `with` block runs; a process that ends, however, lets go of it."""
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"  another download into {folder} is running; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def bring(file: File, path: Path, mirrors: list[Source], timeout: float) -> None:
    """Fetch a file unless the right one is there, then unpack it if it is an archive."""
    if not (checksum := find_checksum(file, path)):
        say(f"  {file.name}: {'there, but not what it should be; ' if path.exists() else ''}fetching")
        names = (f"{path.parent.name}/{file.name}", file.name)
        copies = [join_source(mirror, name) for mirror in mirrors for name in names]
        source = fetch(file, path.parent, [*copies, *file.sources], timeout)
        checksum = file.checksum or compute_checksum(path, None)
        size = format_bytes(path.stat().st_size)
        say(f"  {file.name}: {size} from {source}, {tell_verdict(file, checksum)}")
    if file.is_archive and not is_unpacked(path, checksum):
        say(f"  {file.name}: {unpack(path, checksum):,} files unpacked into {path.parent}")


def tell_verdict(file: File, checksum: str) -> str:
    """Say whether a file's checksum was compared with a published one, and which it has if not."""
    return "verified" if file.checksum else f"not verified: {file.unverified}; {checksum}"


def inspect(file: File, folder: Path) -> bool:
    """Say whether a file, and what was unpacked from it, are what they should be; raise DataError if not.

    A file without a published checksum is compared with what it was when it was unpacked. Returns True.
    """
    path = folder / file.name
    if not path.exists():
        raise DataError(f"{path} is missing. Run again without --verify.")
    stamp = read_note(locate_stamp(path))
    actual = compute_checksum(path, file.checksum)
    expected = file.checksum or stamp.get("checksum", actual)
    if actual != expected:
        remedy = "Run again without --verify" if file.checksum else "Delete it and run again with --mirror"
        raise DataError(f"{path}: expected {expected}, got {actual}. {remedy}: it will be fetched anew.")
    verdict = tell_verdict(file, actual)
    if file.is_archive:
        if not stamp:
            raise DataError(f"{path} is not unpacked. Run again without --verify.")
        verdict += f"; {compare_unpacked(path):,} unpacked files compared"
    say(f"  {file.name}: {verdict}")
    return True
