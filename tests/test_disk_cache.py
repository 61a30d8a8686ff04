"""Digests of files that are remembered, and when they must not be."""

import hashlib
import os
import time

import pytest

from helpers import disk_cache
from helpers.disk_cache import Digests


@pytest.fixture
def file(tmp_path):
    """Return a file that was last changed long ago."""
    return write(tmp_path / "picture.jpg", b"one")


@pytest.fixture
def read(monkeypatch):
    """List the files that are read."""
    calls, original = [], disk_cache.digest_file
    monkeypatch.setattr(disk_cache, "digest_file", lambda path: calls.append(path) or original(path))
    return calls


def write(path, content, age=60):
    path.write_bytes(content)
    changed = time.time_ns() - age * 10**9
    os.utime(path, ns=(changed, changed))
    return path


def digest(path, memory):
    """Return a digest from a memory of its own, saved afterwards."""
    digests = Digests(memory)
    found = digests(path)
    digests.save()
    assert found == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_that_has_not_changed_is_not_read_again(file, tmp_path, read):
    for _ in range(2):
        digest(file, tmp_path / "memory.json")
    assert read == [file]


CHANGES = {
    "content": lambda file: write(file, b"two", age=50),
    "size": lambda file: write(file, b"three"),
    "another file in its place": lambda file: write(file.with_suffix(".new"), b"two").replace(file),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_is_read_again(file, tmp_path, read, change):
    digest(file, tmp_path / "memory.json")
    stamp = os.stat(file).st_mtime_ns
    CHANGES[change](file)
    if change == "another file in its place":
        os.utime(file, ns=(stamp, stamp))
    digest(file, tmp_path / "memory.json")
    assert read == [file, file]


def test_a_file_changed_just_now_is_not_remembered(tmp_path, read):
    file = write(tmp_path / "fresh.jpg", b"one", age=0)
    for _ in range(2):
        digest(file, tmp_path / "memory.json")
    assert read == [file, file]


@pytest.mark.parametrize("spoilt", ["", "[1, 2]", "{", '{"%s": 5}', '{"%s": [[1, 2, 3], "0"]}'])
def test_a_damaged_memory_is_forgotten(file, tmp_path, read, spoilt):
    memory = tmp_path / "memory.json"
    memory.write_text(spoilt.replace("%s", str(file)))
    digest(file, memory)
    digest(file, memory)
    assert read == [file]


def test_a_memory_that_cannot_be_written_leaves_nothing_behind(file, tmp_path, read):
    (tmp_path / "memory.json").mkdir()
    digest(file, tmp_path / "memory.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["memory.json", "picture.jpg"]


def test_what_is_stored_is_known_without_reading(tmp_path, read):
    entry = tmp_path / "entry"
    assert disk_cache.store(entry, lambda draft: (draft / "0.npy").write_bytes(b"values"), {"rows": 3})
    digests = Digests(tmp_path / "memory.json")
    digests.trust(entry)
    read.clear()
    assert disk_cache.recall(entry, digests) == {"rows": 3}
    assert read == []
    (entry / "0.npy").write_bytes(b"valuez!")
    assert disk_cache.recall(entry, digests) is None
