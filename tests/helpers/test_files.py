"""Files and folders are written whole or not at all."""

import os
import time

import pytest

from helpers import files
from helpers.files import write_whole


def test_a_file_takes_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "made" / "page.html"
    with write_whole(path) as draft:
        assert (draft.parent, draft.suffix) == (path.parent, ".html")
        draft.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_replaces_the_older_one(tmp_path):
    path = tmp_path / "pets"
    for name in ("old.jpg", "new.jpg"):
        with write_whole(path) as draft:
            draft.mkdir()
            (draft / name).touch()
    assert [file.name for file in path.iterdir()] == ["new.jpg"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
@pytest.mark.parametrize("folder", [False, True])
def test_a_failure_leaves_the_older_one_and_nothing_else(tmp_path, folder, error):
    path = tmp_path / "results"
    path.write_text("good")

    def fail():
        with write_whole(path) as draft:
            draft.mkdir() if folder else draft.write_text("ba")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert path.read_text() == "good"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_replaced_stays(tmp_path, monkeypatch):
    path = tmp_path / "pets"
    path.mkdir()
    (path / "good.jpg").touch()

    def refuse(*_):
        raise PermissionError("in use")

    monkeypatch.setattr(files.os, "replace", refuse)
    with pytest.raises(PermissionError), write_whole(path) as draft:
        draft.mkdir()
    assert list(tmp_path.rglob("*")) == [path, path / "good.jpg"]


def test_what_the_killed_left_goes_after_a_day(tmp_path):
    for name, hours in (("1-pets", 25), ("2-page.html", 25), ("3-pets", 1)):
        draft = tmp_path / f".unfinished-{name}"
        draft.touch() if name.endswith("html") else draft.mkdir()
        os.utime(draft, (time.time() - 3600 * hours,) * 2)
    with write_whole(tmp_path / "results.json") as draft:
        draft.touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".unfinished-3-pets", "results.json"]
