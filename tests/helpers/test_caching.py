"""What the cache gives back, and what it does not trust."""

import os
import shutil

import pytest

from helpers import caching


@pytest.fixture
def entry(tmp_path):
    """Return an entry of one file."""
    entry = tmp_path / caching.name_entry({"what": "a test"})
    assert caching.store(entry, lambda draft: (draft / "0.npy").write_bytes(b"values"), {"rows": 3})
    return entry


@pytest.fixture
def read(monkeypatch):
    """List the files that are read."""
    calls, original = [], caching.digest_file
    monkeypatch.setattr(caching, "digest_file", lambda path: calls.append(path) or original(path))
    return calls


def test_what_is_stored_is_given_back_without_reading_it(entry, read):
    assert caching.recall(entry) == {"rows": 3}
    assert read == []


CHANGES = {
    "content": lambda file: file.write_bytes(b"valuez"),
    "size": lambda file: file.write_bytes(b"value"),
    "gone": lambda file: file.unlink(),
    "another file in its place": lambda file: file.with_suffix(".new").replace(file),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_is_not_trusted(entry, change):
    file = entry / "0.npy"
    (entry / "0.new").write_bytes(b"valuez")
    before = file.stat().st_mtime_ns
    CHANGES[change](file)
    if change == "another file in its place":
        os.utime(file, ns=(before, before))
    assert caching.recall(entry) is None


def test_a_copy_is_read_and_found_whole(entry, read, tmp_path):
    copy = shutil.copytree(entry, tmp_path / "elsewhere" / entry.name, copy_function=shutil.copyfile)
    assert caching.recall(copy) == {"rows": 3}
    assert read == [copy / "0.npy"]


def test_an_entry_of_another_name_is_not_trusted(entry):
    assert caching.recall(entry.rename(entry.with_name("0" * 32))) is None


@pytest.mark.parametrize("spoilt", ["", "[1, 2]", "{", "{}", '{"files": {"0.npy": 5}}', '{"files": [["0.npy"]]}'])
def test_a_damaged_record_is_as_none(entry, spoilt):
    (entry / "record.json").write_text(spoilt)
    assert caching.recall(entry) is None


def test_names_depend_on_values_and_not_on_their_order():
    assert caching.name_entry({"a": 1, "b": 2}) == caching.name_entry({"b": 2, "a": 1}) != caching.name_entry({"a": 1})


def test_what_another_process_has_stored_meanwhile_stays(entry):
    before = caching.stamp_file(entry / "0.npy")
    assert caching.store(entry, lambda draft: (draft / "0.npy").write_bytes(b"other"), {"rows": 5})
    assert caching.recall(entry) == {"rows": 3}
    assert caching.stamp_file(entry / "0.npy") == before
