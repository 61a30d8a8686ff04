"""Decide what a file of a data set still needs, see that it gets it, and say so."""

from pathlib import Path

from machinery.downloads.fetching import compute_checksum, fetch
from machinery.downloads.notes import read_note
from machinery.downloads.registry import File
from machinery.downloads.reporting import DataError, format_bytes, say
from machinery.downloads.sources import Source, join_source
from machinery.downloads.unpacking import compare_unpacked, is_unpacked, locate_stamp, unpack

UNPACKED = 1.2  # bytes of files per byte of archive, an estimate: pictures hardly compress


def estimate_space(file: File, folder: Path) -> float:
    """Estimate the bytes that a file will still take, unpacked files included."""
    archive = folder / file.name
    part = folder / f"{file.name}.part"
    received = part.stat().st_size if part.exists() else 0
    to_fetch = 0 if archive.exists() else max(0, file.size - received)
    return to_fetch + (UNPACKED * file.size if file.is_archive and not locate_stamp(archive).exists() else 0)


def provide(file: File, folder: Path, mirrors: list[Source], timeout: float) -> bool:
    """Fetch, verify and unpack one file; return whether there was anything to do.

    It is looked for as MIRROR/SET/NAME and MIRROR/NAME in each mirror, then at the registry's URLs.
    """
    path = folder / file.name
    source = None
    checksum = compute_checksum(path, file.checksum) if path.exists() else None
    if checksum is None or checksum != (file.checksum or checksum):
        say(f"  {file.name}: {'there, but not what it should be; ' if checksum else ''}fetching")
        names = (f"{folder.name}/{file.name}", file.name)
        copies = [join_source(mirror, name) for mirror in mirrors for name in names]
        source = fetch(file, folder, [*copies, *file.sources], timeout)
        checksum = file.checksum or compute_checksum(path, None)
    verdict = "verified" if file.checksum else f"not verified: {file.unverified}; {checksum}"
    if source:
        say(f"  {file.name}: {format_bytes(path.stat().st_size)} from {source}, {verdict}")
    if file.is_archive and not is_unpacked(path, checksum):
        say(f"  {file.name}: {unpack(path, checksum):,} files unpacked into {folder}")
        return True
    if not source:
        say(f"  {file.name}: nothing to do ({verdict})")
    return source is not None


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
    verdict = "verified" if file.checksum else f"not verified: {file.unverified}; {actual}"
    if file.is_archive:
        if not stamp:
            raise DataError(f"{path} is not unpacked. Run again without --verify.")
        verdict += f"; {compare_unpacked(path):,} unpacked files compared"
    say(f"  {file.name}: {verdict}")
    return True
