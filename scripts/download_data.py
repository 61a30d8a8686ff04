#!/usr/bin/env python3
"""Download the book's data: resumed, verified, unpacked, and nothing twice.

    python scripts/download_data.py --list
    python scripts/download_data.py oxford-pets dogs-vs-cats
    python scripts/download_data.py oxford-pets --mirror https://example.org/course/data
    python scripts/download_data.py --verify

A registry (data/registry.toml) describes the sets. A file is tried at the mirrors, then at the registry's
URLs, until one of them delivers what its checksum promises; then it is put into DEST/SET/ and, if it is an
archive, unpacked there.

Exit status: 0, all is there; 1, something is missing or wrong; 2, the command or the registry makes no sense;
130, interrupted.
"""

import argparse
import errno
import gzip
import json
import os
import re
import shutil
import stat
import sys
import tarfile
import time
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from textwrap import indent
from typing import BinaryIO
from urllib.parse import quote, urljoin, urlsplit
from urllib.request import url2pathname

import pooch
import requests
import urllib3
from tqdm import tqdm

DATA = Path(__file__).resolve().parent.parent / "data"
CHUNK = 1 << 16  # bytes read at a time
TRIES = 4  # tries in a row that bring no byte, before a source is given up
PAUSE = 1.0  # seconds before the first new try; doubled with each one in vain
UNPACKED = 1.2  # bytes of files per byte of archive, an estimate: pictures hardly compress


class DataError(Exception):
    """Something is missing or wrong; the text says what, and what to do."""


class RegistryError(Exception):
    """The registry cannot be read, or does not have what was asked for."""


class SourceError(Exception):
    """This source will not deliver the file; another may."""


class DroppedError(Exception):
    """The source failed in the middle; it may well go on."""


TRANSIENT = (DroppedError, requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError)
DAMAGE = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, RuntimeError)


# The registry


@dataclass(frozen=True)
class File:
    """A file of a data set; `size` 0 and `checksum` None mean unknown, and `unverified` says why."""

    name: str
    urls: tuple[str, ...]
    size: int
    checksum: str | None
    unverified: str

    @property
    def is_archive(self) -> bool:
        """Whether the file is to be unpacked."""
        return self.name.endswith((".zip", ".tar", ".tar.gz", ".tgz"))


@dataclass(frozen=True)
class DataSet:
    """A table of the registry; `folder` holds its files, `obtain` says what only the reader can do."""

    name: str
    title: str
    licence: str
    citation: str
    folder: str
    obtain: str
    files: tuple[File, ...]


def local_path(place: str) -> Path | None:
    """Return the path that `place`, a path or URL, stands for on this machine; None for the web."""
    if place.lower().startswith(("http://", "https://")):
        return None
    return Path(url2pathname(urlsplit(place).path) if place.startswith("file:") else place)


def load_registry(place: str, timeout: float) -> dict[str, DataSet]:
    """Read the registry at a path or URL; RegistryError names what is wrong with it, and where."""
    path = local_path(place)
    try:
        if path is None:
            response = requests.get(place, timeout=timeout)
            response.raise_for_status()
            tables = tomllib.loads(response.content.decode("utf-8"))
        else:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # a failed request is an OSError, bad TOML a ValueError
        raise RegistryError(f"cannot read the registry {place}: {error}") from error
    return {name: parse_set(name, table, place) for name, table in tables.items()}


def require(table: dict, key: str, kind: type, where: str):
    """Return `table[key]`; raise RegistryError naming the key if it is missing or of another kind."""
    if not isinstance(table, dict) or not isinstance(table.get(key), kind):
        raise RegistryError(f"{where}: the key '{key}' ({kind.__name__}) is missing or not of that type")
    return table[key]


def plain_name(name: str, where: str) -> str:
    """Return `name`; raise RegistryError unless it stays in its folder, as a registry may be a stranger's."""
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise RegistryError(f"{where}: '{name}' is not a plain file name")
    return name


def parse_set(name: str, table: dict, place: str) -> DataSet:
    """Return the data set that a table of the registry at `place` describes."""
    where = f"{place}: [{name}]"
    title, licence = (require(table, key, str, where) for key in ("title", "licence"))
    files = tuple(parse_file(entry, where, place) for entry in require(table, "files", list, where))
    folder = plain_name(table.get("folder", name), where)
    return DataSet(name, title, licence, table.get("citation", ""), folder, table.get("obtain", "").strip(), files)


def parse_file(table: dict, where: str, place: str) -> File:
    """Return the file that an entry under `files` describes, its relative URLs resolved against `place`."""
    name = plain_name(require(table, "name", str, where), where)
    where = f"{where} {name}"
    urls = tuple(resolve(str(url), place) for url in require(table, "urls", list, where))
    algorithm = next((key for key in ("sha256", "md5") if key in table), None)
    if algorithm is None and "unverified" not in table:
        raise RegistryError(f"{where}: one of the keys 'sha256', 'md5' and 'unverified' (why) is missing")
    checksum = algorithm and f"{algorithm}:{require(table, algorithm, str, where).lower()}"
    size = require(table, "bytes", int, where) if algorithm else table.get("bytes", 0)
    return File(name, urls, size, checksum, table.get("unverified", ""))


def resolve(url: str, place: str) -> str:
    """Return `url`, if relative, as seen from the registry at `place`."""
    path, home = local_path(url), local_path(place)
    if path is None or url.startswith("file:"):
        return url
    return urljoin(place, url) if home is None else str(home.parent / path)


# Sources


@dataclass(frozen=True)
class Answer:
    """What a source sends: bytes from `start` on, of `total` (None: unknown), in version `validator`."""

    start: int
    total: int | None
    validator: str
    chunks: Iterator[bytes]


def candidates(file: File, data_set: DataSet, mirrors: list[str]) -> list[str]:
    """Return where to look, in order: MIRROR/SET/NAME and MIRROR/NAME, then the registry's URLs."""
    places = []
    for mirror in mirrors:
        for name in (f"{data_set.folder}/{file.name}", file.name):
            path = local_path(mirror)
            places.append(f"{mirror.rstrip('/')}/{quote(name)}" if path is None else str(path / name))
    return places + list(file.urls)


def request(url: str, start: int, validator: str, timeout: float) -> requests.Response:
    """Ask for the bytes from `start` on; from the first on, if the server cannot or has another version."""
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    if start and validator:
        headers["If-Range"] = validator
    response = requests.get(url, headers=headers, stream=True, timeout=timeout)
    continues = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
    if start and (response.status_code == 416 or (response.status_code == 206 and not continues)):
        response.close()
        return request(url, 0, "", timeout)
    if not response.ok:
        response.close()
        transient = response.status_code in (408, 429) or response.status_code >= 500
        raise (DroppedError if transient else SourceError)(f"{response.status_code} {response.reason}")
    return response


@contextmanager
def open_source(place: str, start: int, validator: str, timeout: float) -> Iterator[Answer]:
    """Yield the Answer of a path or URL; SourceError if it has none, a TRANSIENT error if it may later."""
    path = local_path(place)
    if path is None:
        with request(place, start, validator, timeout) as response:
            start = start if response.status_code == 206 else 0
            length = response.headers.get("Content-Length", "")
            entity = response.headers.get("ETag", "")
            # Only a strong ETag may stand in If-Range.
            version = entity if entity.startswith('"') else response.headers.get("Last-Modified", "")
            # Undecoded: some servers call a .tar.gz a gzip-encoded .tar.
            chunks = response.raw.stream(CHUNK, decode_content=False)
            yield Answer(start, start + int(length) if length.isdigit() else None, version, chunks)
        return
    try:
        stream = open(path, "rb")
    except OSError as error:
        raise SourceError(error.strerror) from error
    with stream:
        status = os.fstat(stream.fileno())
        version = f"{status.st_size}-{status.st_mtime_ns}"
        start = start if validator in ("", version) and start <= status.st_size else 0
        stream.seek(start)
        yield Answer(start, status.st_size, version, iter(partial(stream.read, CHUNK), b""))


# Fetching


class Receiver:
    """A downloader for pooch that goes on where an earlier try stopped, in this run or another.

    The bytes gather in NAME.part; NAME.part.json remembers the source and its version. A part from elsewhere
    is continued only if the file has a checksum, which then judges the whole.
    """

    def __init__(self, file: File, folder: Path, timeout: float):
        self.file, self.timeout = file, timeout
        self.part = folder / f"{file.name}.part"
        self.origin = folder / f"{file.name}.part.json"
        self.resumed = False

    @property
    def received(self) -> int:
        """The number of bytes in the part."""
        return self.part.stat().st_size if self.part.exists() else 0

    def __call__(self, place: str, output_file: str, _pooch: pooch.Pooch | None = None) -> None:
        """Write the file at `place` to `output_file`, through as many dropped connections as it takes."""
        self.resumed = self.received > 0
        leftover = read_json(self.origin).get("temporary", Path(output_file).name)
        if leftover != Path(output_file).name:  # of a process that was killed
            self.part.with_name(Path(leftover).name).unlink(missing_ok=True)
        self.temporary = Path(output_file).name
        most, in_vain = self.received, 0
        while not (self.file.checksum and self.received == self.file.size):
            try:
                self.receive(place)
                break
            except TRANSIENT as error:
                in_vain = 0 if self.received > most else in_vain + 1
                most = max(most, self.received)
                if in_vain == TRIES:
                    raise SourceError(f"given up after {TRIES} tries: {error}") from error
                say(f"  {self.file.name}: {error}; trying again")
                time.sleep(PAUSE * 2**in_vain)
            except requests.RequestException as error:
                raise SourceError(str(error)) from error
        os.unlink(output_file)
        try:
            os.link(self.part, output_file)  # a second name: Ctrl-C while pooch checks it loses nothing
        except OSError:
            os.replace(self.part, output_file)

    def receive(self, place: str) -> None:
        """Append to the part what `place` sends; raise DroppedError if that ends too early."""
        with open_source(place, *self.position(place), self.timeout) as answer:
            total = answer.total or self.file.size
            if self.file.size not in (0, total):
                raise SourceError(f"{total:,} bytes there, {self.file.size:,} expected")
            check_space(self.part.parent, total - answer.start, self.file.name)
            if answer.start:
                self.resumed = True
                say(f"  {self.file.name}: resumed at {answer.start:,} of {total:,} bytes")
            with open(self.part, "ab" if answer.start else "wb") as out, progress(answer.start, total) as bar:
                note = {"source": place, "validator": answer.validator, "temporary": self.temporary}
                self.origin.write_text(json.dumps(note), encoding="utf-8")
                for chunk in answer.chunks:
                    out.write(chunk)
                    bar.update(len(chunk))
                out.flush()
                os.fsync(out.fileno())
        if self.received < total:
            raise DroppedError(f"the connection ended at {self.received:,} of {total:,} bytes")

    def position(self, place: str) -> tuple[int, str]:
        """Return the byte to go on from, and the validator that `place` must still have."""
        note = read_json(self.origin)
        if note.get("source") == place and note.get("validator"):
            return self.received, note["validator"]
        return (self.received if self.file.checksum and self.received < self.file.size else 0), ""

    def discard(self) -> None:
        """Remove the part."""
        self.part.unlink(missing_ok=True)
        self.origin.unlink(missing_ok=True)


def checksum_of(path: Path, like: str | None) -> str:
    """Return the checksum of a file, by the algorithm of another; sha256 without one."""
    algorithm = like.split(":")[0] if like else "sha256"
    return f"{algorithm}:{pooch.file_hash(str(path), alg=algorithm)}"


def fetch(file: File, folder: Path, places: list[str], timeout: float) -> str:
    """Bring a file from the first place that delivers it whole; return that place.

    pooch checks the checksum before the file gets its name: a bad one never takes the place of a good one.
    Raises DataError with every place and its reason if none delivers.
    """
    failures = []
    for place in places:
        for _ in range(2):
            receiver = Receiver(file, folder, timeout)
            try:
                pooch.retrieve(place, file.checksum, file.name, folder, downloader=receiver)
                receiver.discard()
                return place
            except SourceError as error:
                failures.append(f"{place}: {error}")
                break
            except ValueError as error:
                receiver.discard()
                failures.append(f"{place}: {error}")
                if not receiver.resumed:
                    break
                say(f"  {file.name}: wrong checksum after resuming; once more from the first byte")
        say(f"  {file.name}: {failures[-1]}")
    if not places:
        raise DataError(f"{file.name} has no public address.")
    advice = "  Run the same command again to go on, or give another copy with --mirror URL-OR-FOLDER."
    raise DataError("\n    ".join([f"{file.name} could not be fetched:", *failures]) + f"\n{advice}")


# Unpacking


def walk(archive: Path) -> Iterator[tuple[str, str, int, Callable[[], BinaryIO]]]:
    """Yield kind ("file", "folder" or "other"), name, size and opener of each member of a zip or tar file."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as bundle:
            for member in bundle.infolist():
                regular = stat.S_IFMT(member.external_attr >> 16) in (0, stat.S_IFREG)
                kind = "folder" if member.is_dir() else "file" if regular else "other"
                yield kind, member.filename, member.file_size, partial(bundle.open, member)
    else:
        with tarfile.open(archive) as bundle:
            for member in bundle:
                kind = "file" if member.isreg() else "folder" if member.isdir() else "other"
                yield kind, member.name, member.size, partial(bundle.extractfile, member)


def list_members(archive: Path) -> dict[str, int]:
    """Return name and size of each file in an archive; DataError names one that is unsafe to unpack."""
    sizes = {}
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
def damage_reported(archive: Path) -> Iterator[None]:
    """Turn the many errors of reading a damaged archive into a DataError that says what to do."""
    try:
        yield
    except DAMAGE as error:
        raise DataError(f"{archive} is damaged ({error}). Delete it and run again.") from error


def stamp_of(archive: Path) -> Path:
    """Return the file that remembers what was unpacked from an archive."""
    return archive.with_name(f".{archive.name}.unpacked")


def is_unpacked(archive: Path, checksum: str) -> bool:
    """Whether this very archive was unpacked, and its folders are still there."""
    stamp = read_json(stamp_of(archive))
    entries = stamp.get("entries", [])
    return stamp.get("checksum") == checksum and all((archive.parent / entry).exists() for entry in entries)


def unpack(archive: Path, checksum: str) -> int:
    """Unpack an archive beside itself and return the number of files.

    All is unpacked into a hidden folder first; each top-level entry then takes the place of its older self.
    """
    folder, staging = archive.parent, archive.with_name(f".{archive.name}.unpacking")
    with damage_reported(archive):
        sizes = list_members(archive)
    check_space(folder, sum(sizes.values()), f"the files in {archive.name}")
    stamp_of(archive).unlink(missing_ok=True)
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
        stamp = {"checksum": checksum, "files": len(sizes), "entries": entries}
        stamp_of(archive).write_text(json.dumps(stamp), encoding="utf-8")
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return len(sizes)


def extract(archive: Path, folder: Path, total: int) -> None:
    """Write the files of an archive, already found safe, into a folder."""
    with damage_reported(archive), tqdm(total=total, unit=" files", leave=False, disable=None) as bar:
        for kind, name, _, open_member in walk(archive):
            target = folder / name.replace("\\", "/")
            (target if kind == "folder" else target.parent).mkdir(parents=True, exist_ok=True)
            if kind == "file":
                with open_member() as source, open(target, "wb") as out:
                    shutil.copyfileobj(source, out)
                bar.update()


# Commands


def say(text: str) -> None:
    """Print a line at once, so that a log shows it while the work goes on."""
    print(text, flush=True)


def in_units(size: float) -> str:
    """Return a number of bytes for people."""
    return f"{tqdm.format_sizeof(size)}B"


def progress(start: int, total: int) -> tqdm:
    """Return a bar of bytes on stderr; none in a log."""
    return tqdm(initial=start, total=total or None, unit="B", unit_scale=True, leave=False, disable=None, delay=0.5)


def read_json(path: Path) -> dict:
    """Return what a note of ours says; nothing if it is missing or was cut short."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def check_space(folder: Path, needed: float, what: str) -> None:
    """Raise DataError if the disk of a folder, which need not exist yet, has not the bytes needed."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    available = shutil.disk_usage(existing).free
    if needed > available:
        raise DataError(
            f"not enough space for {what}: {in_units(needed)} needed, {in_units(available)} available in "
            f"{existing}. Free some, or choose another disk with --dest."
        )


def space_needed(file: File, folder: Path) -> float:
    """Estimate the bytes that a file will still take, unpacked files included."""
    archive, part = folder / file.name, folder / f"{file.name}.part"
    received = part.stat().st_size if part.exists() else 0
    to_fetch = 0 if archive.exists() else max(0, file.size - received)
    return to_fetch + (UNPACKED * file.size if file.is_archive and not stamp_of(archive).exists() else 0)


def provide(file: File, folder: Path, places: list[str], timeout: float) -> bool:
    """Fetch, verify and unpack one file; return whether there was anything to do."""
    path, place = folder / file.name, ""
    checksum = checksum_of(path, file.checksum) if path.exists() else None
    if checksum is None or checksum != (file.checksum or checksum):
        say(f"  {file.name}: {'there, but not what it should be; ' if checksum else ''}fetching")
        place = fetch(file, folder, places, timeout)
        checksum = file.checksum or checksum_of(path, None)
    verdict = "verified" if file.checksum else f"not verified: {file.unverified}; {checksum}"
    if place:
        say(f"  {file.name}: {in_units(path.stat().st_size)} from {place}, {verdict}")
    if file.is_archive and not is_unpacked(path, checksum):
        say(f"  {file.name}: {unpack(path, checksum):,} files unpacked into {folder}")
        return True
    if not place:
        say(f"  {file.name}: nothing to do ({verdict})")
    return bool(place)


def inspect(file: File, folder: Path) -> bool:
    """Say whether a file, and what was unpacked from it, are what they should be; raise DataError if not.

    A file without a published checksum is compared with what it was when it was unpacked. Returns True.
    """
    path = folder / file.name
    if not path.exists():
        raise DataError(f"{path} is missing. Run again without --verify.")
    stamp = read_json(stamp_of(path))
    actual = checksum_of(path, file.checksum)
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


def compare_unpacked(archive: Path) -> int:
    """Return how many files an archive has; raise DataError if those beside it differ in number or size."""
    folder = archive.parent
    with damage_reported(archive):
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


def explain(error: Exception) -> str:
    """Return what an error means to the reader."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "no space left on the disk. What arrived is kept: free some space and run the same command again."
    return str(error)


def work_through(sets: list[DataSet], dest: Path, action: Callable[[DataSet, File, Path], bool]) -> int:
    """Apply an action to every file of some data sets; return the exit status."""
    done = failed = 0
    for data_set in sets:
        say(f"{data_set.name}: {data_set.title}\n  licence: {data_set.licence}")
        for file in data_set.files:
            try:
                done += action(data_set, file, dest / data_set.folder)
            except (DataError, OSError) as error:
                failed += 1
                hint = f"\n{data_set.obtain}" if data_set.obtain else ""
                print(f"error: {explain(error)}{hint}", file=sys.stderr, flush=True)
    say(f"{failed} failed; the errors say what to do." if failed else "Done." if done else "Nothing to do.")
    return int(failed > 0)


def download(sets: list[DataSet], options: argparse.Namespace) -> int:
    """Provide every file of some data sets, if the disk has room for all; return the exit status."""
    needed = sum(space_needed(file, options.dest / item.folder) for item in sets for file in item.files)
    check_space(options.dest, needed, "the files and what they unpack to")

    def action(data_set: DataSet, file: File, folder: Path) -> bool:
        return provide(file, folder, candidates(file, data_set, options.mirror), options.timeout)

    return work_through(sets, options.dest, action)


def verify(sets: list[DataSet], options: argparse.Namespace) -> int:
    """Inspect every file of some data sets; return the exit status."""
    return work_through(sets, options.dest, lambda _, file, folder: inspect(file, folder))


def show_list(registry: dict[str, DataSet]) -> int:
    """Print what the registry has; return the exit status."""
    for data_set in registry.values():
        facts = data_set.title, f"licence: {data_set.licence}", f"cite: {data_set.citation}"
        say("\n    ".join([data_set.name, *facts]))
        for file in data_set.files:
            size = in_units(file.size) if file.size else "size unknown"
            say(f"    {file.name}, {size}" + (f", not verified: {file.unverified}" if file.unverified else ""))
        if data_set.obtain:
            say(indent(data_set.obtain, "    "))
    return 0


def is_begun(data_set: DataSet, dest: Path) -> bool:
    """Whether any file of a data set is there."""
    return any((dest / data_set.folder / file.name).exists() for file in data_set.files)


def choose(registry: dict[str, DataSet], options: argparse.Namespace) -> list[DataSet]:
    """Return the data sets meant; RegistryError if one is unknown. To verify, no name means what is there."""
    unknown = [name for name in options.names if name not in registry]
    if unknown:
        raise RegistryError(f"no data set {', '.join(unknown)}. There are: {', '.join(registry)}")
    if options.names:
        return [registry[name] for name in dict.fromkeys(options.names)]
    if options.verify:
        here = [item for item in registry.values() if is_begun(item, options.dest)]
        if here:
            return here
    raise RegistryError(f"name a data set: {', '.join(registry)}; --list says more")


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Return the command's options."""
    summary, rest = __doc__.split("\n", 1)
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="SET", help="data sets to download")
    parser.add_argument("--list", action="store_true", help="print what there is")
    parser.add_argument("--verify", action="store_true", help="check what is there, download nothing")
    parser.add_argument("--registry", default=str(DATA / "registry.toml"), metavar="FILE-OR-URL")
    parser.add_argument(
        "--mirror",
        action="append",
        default=[],
        metavar="URL-OR-FOLDER",
        help="a copy to try first; may be repeated",
    )
    parser.add_argument("--dest", type=Path, default=DATA, metavar="FOLDER", help="where to put it (data/)")
    parser.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS", help="silence of a server (30)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return the exit status."""
    options = parse_arguments(arguments)
    pooch.get_logger().setLevel("WARNING")
    try:
        registry = load_registry(options.registry, options.timeout)
        if options.list:
            return show_list(registry)
        sets = choose(registry, options)
        return verify(sets, options) if options.verify else download(sets, options)
    except (DataError, RegistryError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, RegistryError) else 1
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on where it stopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
