"""Unpack archives beside themselves: only safe ones, whole or not at all, and each once."""

import errno
import gzip
import lzma
import os
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from tqdm import tqdm

from machinery.downloads.notes import read_note, write_note
from machinery.downloads.reporting import DataError
from machinery.downloads.space import check_space

# What Python's readers raise for damaged archives: their own errors, and those of the numbers and names in them.
DAMAGE = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError)
DAMAGE += (ValueError, LookupError, OverflowError, struct.error)  # UnicodeDecodeError is a ValueError


def walk(archive: Path) -> Iterator[tuple[str, str, int, Callable[[], BinaryIO]]]:
    """Yield kind ("file", "folder" or "other"), name, size and opener of each member of a zip or tar file.

    The file is read to its end: there gzip has its checksum, and behind a damaged header tarfile sees no member more.
    """
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as bundle:
            if count_announced(archive) not in (len(bundle.infolist()), 0xFFFF):  # the latter: too many to say
                raise zipfile.BadZipFile("not as many members as its end announces")
            for member in bundle.infolist():
                regular = stat.S_IFMT(member.external_attr >> 16) in (0, stat.S_IFREG)
                kind = "folder" if member.is_dir() else "file" if regular else "other"
                yield kind, member.filename, member.file_size, partial(bundle.open, member)
    else:
        zipped = archive.suffix != ".tar"
        with gzip.open(archive) if zipped else archive.open("rb") as stream, tarfile.open(fileobj=stream) as bundle:
            for member in bundle:
                kind = "file" if member.isreg() else "folder" if member.isdir() else "other"
                yield kind, member.name, member.size, partial(bundle.extractfile, member)
            if not zipped:
                stream.seek(bundle.offset)
            while rest := stream.read(1 << 20):
                if rest.strip(b"\0"):
                    raise tarfile.ReadError("something else than a member, or the end, follows the last one")


def count_announced(archive: Path) -> int:
    """Return how many members the last record of a zip file announces; zipfile does not compare."""
    with archive.open("rb") as stream:
        stream.seek(max(0, archive.stat().st_size - (1 << 16) - 22))  # a comment of 64 KiB may follow its 22 bytes
        end = stream.read()
    record = end.rindex(b"PK\5\6")
    return int.from_bytes(end[record + 10 : record + 12], "little")


def list_members(archive: Path) -> dict[str, int]:
    """Return name and size of each file in an archive; DataError names one that is unsafe to unpack."""
    sizes = {}
    with report_damage(archive):
        for kind, name, size, _ in walk(archive):
            path = PurePosixPath(name.replace("\\", "/"))
            outside = path.is_absolute() or ".." in path.parts or re.match("[A-Za-z]:", name)
            if kind == "other" or outside or path.parts[:1] == (archive.name,):
                why = "is a link or device" if kind == "other" else "would lie outside its folder"
                raise DataError(f"{archive.name} is not safe: its member '{name}' {why}. Nothing was unpacked.")
            if kind == "file":
                sizes[str(path)] = size
    return sizes


@contextmanager
def report_damage(archive: Path) -> Iterator[None]:
    """Turn the many errors of reading a damaged archive into a DataError that says what to do."""
    try:
        yield
    except (*DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (errno.EINVAL, None):
            raise  # of the disk, not of the archive
        raise DataError(f"{archive} is damaged ({error}). Delete it and run again.") from error


def locate_stamp(archive: Path) -> Path:
    """Return the note that remembers what was unpacked from an archive."""
    return archive.with_name(f".{archive.name}.unpacked")


def is_unpacked(archive: Path, checksum: str) -> bool:
    """Whether this very archive was unpacked, and its folders are still there."""
    stamp = read_note(locate_stamp(archive))
    entries = stamp.get("entries")
    if stamp.get("checksum") != checksum or not isinstance(entries, list):
        return False
    return all(isinstance(entry, str) and (archive.parent / entry).exists() for entry in entries)


def unpack(archive: Path, checksum: str) -> int:
    """Unpack an archive beside itself and return the number of files.

    All is unpacked into a hidden folder first; each top-level entry then takes the place of its older self.
    """
    folder = archive.parent
    staging = archive.with_name(f".{archive.name}.unpacking")
    sizes = list_members(archive)
    check_space(folder, sum(sizes.values()), f"the files in {archive.name}")
    locate_stamp(archive).unlink(missing_ok=True)
    shutil.rmtree(staging, ignore_errors=True)
    try:
        (staging / "new").mkdir(parents=True)
        (staging / "old").mkdir()
        extract(archive, staging / "new", len(sizes))
        entries = sorted(path.name for path in (staging / "new").iterdir())
        for entry in entries:
            if (folder / entry).exists():
                os.replace(folder / entry, staging / "old" / entry)
            os.replace(staging / "new" / entry, folder / entry)
        write_note(locate_stamp(archive), {"checksum": checksum, "entries": entries})
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return len(sizes)


def extract(archive: Path, folder: Path, total: int) -> None:
    """Write the files of an archive, already found safe, into a folder."""
    # shutil.unpack_archive shows no progress, and silently leaves out of a zip file each name with two dots.
    with report_damage(archive), tqdm(total=total, unit=" files", leave=False, disable=None) as bar:
        for kind, name, _, open_member in walk(archive):
            target = folder / name.replace("\\", "/")
            (target if kind == "folder" else target.parent).mkdir(parents=True, exist_ok=True)
            if kind == "file":
                with open_member() as source, open(target, "wb") as out:
                    shutil.copyfileobj(source, out)
                bar.update()


def compare_unpacked(archive: Path) -> int:
    """Return how many files an archive has; raise DataError if those beside it differ in number or size."""
    folder = archive.parent
    sizes = list_members(archive)
    entries = [folder / name for name in sorted({PurePosixPath(name).parts[0] for name in sizes})]
    paths = [path for entry in entries for path in (entry, *entry.rglob("*")) if path.is_file()]
    found = {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}
    faults = [
        f"{name}: {found.get(name, 'no')} bytes, should be {sizes.get(name, 'no')}"
        for name in sorted(sizes.keys() | found.keys())
        # A hidden file more is the work of a file browser.
        if found.get(name) != sizes.get(name) and (name in sizes or PurePosixPath(name).name[0] != ".")
    ]
    if faults:
        more = [f"and {len(faults) - 5} more"] if len(faults) > 5 else []
        raise DataError(
            "\n    ".join([f"in {folder}, not as in {archive.name}:", *faults[:5], *more])
            + f"\n  Delete {' and '.join(map(str, entries))}, then run again without --verify."
        )
    return len(sizes)
