"""Where bytes come from: paths on this machine and URLs on the web, read from any byte on."""

import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

import requests
import urllib3

CHUNK = 1 << 16  # bytes read at a time

Source = Path | str  # a path on this machine, or a URL on the web


class SourceError(Exception):
    """This source will not deliver the file; another may."""


class DroppedError(Exception):
    """The source failed in the middle; it may well go on."""


TRANSIENT = (DroppedError, requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError)


class Answer(NamedTuple):
    """What a source sends: bytes from `start` on, of `total` (None: unknown), in version `validator`."""

    start: int
    total: int | None
    validator: str
    chunks: Iterator[bytes]


def parse_source(text: str, home: Path = Path()) -> Source:
    """Return what a URL or path means; a relative path is seen from the folder `home`."""
    if text.lower().startswith(("http://", "https://")):
        return text
    return Path(url2pathname(urlsplit(text).path)) if text.startswith("file:") else home / text


def join_source(folder: Source, name: str) -> Source:
    """Return the source called `name`, which may have slashes, in a folder or below a URL."""
    return folder / name if isinstance(folder, Path) else f"{folder.rstrip('/')}/{quote(name)}"


def open_source(source: Source, start: int, validator: str, timeout: float) -> AbstractContextManager[Answer]:
    """Return a context of the source's Answer; SourceError if it has none, a TRANSIENT error if it may later."""
    if isinstance(source, Path):
        return open_path(source, start, validator)
    return open_url(source, start, validator, timeout)


@contextmanager
def open_path(path: Path, start: int, validator: str) -> Iterator[Answer]:
    """Yield the Answer of a file; from the first byte on, if it is another version or shorter than `start`."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceError("no file, but a folder, a pipe or a device")  # a pipe could be waited for in vain
        stream = open(path, "rb")
    except OSError as error:
        raise SourceError(error.strerror) from error
    with stream:
        status = os.fstat(stream.fileno())
        version = f"{status.st_size}-{status.st_mtime_ns}"
        start = start if validator in ("", version) and start <= status.st_size else 0
        stream.seek(start)
        yield Answer(start, status.st_size, version, iter(partial(stream.read, CHUNK), b""))


@contextmanager
def open_url(url: str, start: int, validator: str, timeout: float) -> Iterator[Answer]:
    """Yield the Answer of a web server."""
    with request(url, start, validator, timeout) as response:
        start = start if response.status_code == 206 else 0
        length = response.headers.get("Content-Length", "")
        entity = response.headers.get("ETag", "")
        # Only a strong ETag may stand in If-Range.
        version = entity if entity.startswith('"') else response.headers.get("Last-Modified", "")
        # Undecoded: some servers call a .tar.gz a gzip-encoded .tar.
        chunks = response.raw.stream(CHUNK, decode_content=False)
        yield Answer(start, start + int(length) if length.isdigit() else None, version, chunks)


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
