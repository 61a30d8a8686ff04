"""An archive is unpacked once and whole, beside itself, and not at all if a member is hostile or damaged."""

import errno
import os
import shutil
import tarfile
import zipfile
from pathlib import Path
from unittest.mock import patch

import pytest

from trial_data import CONTENT, PICTURES, assert_fails, flip, offer, run, write_archive, write_registry

BOTH_FORMATS = pytest.mark.parametrize("name", ["pets.zip", "pets.tar.gz"])


@BOTH_FORMATS
def test_an_archive_is_unpacked_once(name, capsys):
    offer(name, PICTURES)
    assert run() == 0
    for member, content in PICTURES.items():
        assert (Path("data/set") / member).read_bytes() == content
    assert sorted(os.listdir("data/set")) == sorted([f".{name}.unpacked", "list.txt", name, "pictures"])
    assert "3 files unpacked" in capsys.readouterr().out
    pictures = Path("data/set/pictures")
    before = pictures.stat()
    assert run() == 0
    assert "Nothing to do." in capsys.readouterr().out
    assert (pictures.stat().st_mtime_ns, pictures.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    shutil.rmtree(pictures)
    assert run() == 0
    assert (pictures / "a.jpg").exists()


def test_a_newer_archive_replaces_the_older_folder():
    offer("pets.zip", PICTURES)
    run()
    offer("pets.zip", {"pictures/c.jpg": b"c"})
    assert run() == 0
    assert os.listdir("data/set/pictures") == ["c.jpg"]


@BOTH_FORMATS
@pytest.mark.parametrize("evil", ["../evil", "pictures/../../evil", "HERE/evil", "C:/evil", "..\\evil"])
def test_a_member_outside_its_folder_is_refused(name, evil, tmp_path, capsys):
    evil = evil.replace("HERE", str(tmp_path))
    offer(name, {**PICTURES, evil: b"evil"})
    assert_fails(capsys, evil)
    assert os.listdir("data/set") == [name], "nothing was unpacked"
    assert not [path for path in tmp_path.rglob("*evil*")]


def test_an_archive_cannot_replace_itself(capsys):
    offer("pets.zip", {"pets.zip/evil": b"evil"})
    assert_fails(capsys, "not safe")
    assert Path("data/set/pets.zip").is_file()


@pytest.mark.parametrize("kind", ["zip", tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_link_or_device_is_refused(kind, capsys):
    if kind == "zip":
        name, odd, content = "pets.zip", zipfile.ZipInfo("pictures/odd"), b"/etc"
        odd.external_attr = 0o120777 << 16
    else:
        name, odd, content = "pets.tar.gz", tarfile.TarInfo("pictures/odd"), b""
        odd.type = kind
        odd.linkname = "../../../registry.toml"
    offer(name, {**PICTURES, odd: content})
    assert_fails(capsys, "'pictures/odd' is a link or device")
    assert os.listdir("data/set") == [name]


@BOTH_FORMATS
@pytest.mark.parametrize("damage", ["flip", "truncate"])
def test_a_damaged_archive_changes_nothing(name, damage, capsys):
    write_archive(name, {"pictures/a.jpg": b"picture" * 10_000})
    flip(name) if damage == "flip" else os.truncate(name, os.path.getsize(name) // 2)
    write_registry(name, content=Path(name).read_bytes(), name=name)
    assert_fails(capsys, "damaged")
    assert os.listdir("data/set") == [name]


def test_a_disk_full_while_unpacking_leaves_the_older_folder(capsys):
    offer("pets.zip", PICTURES)
    run()
    offer("pets.zip", {"pictures/a.jpg": CONTENT})
    with patch.object(shutil, "copyfileobj", side_effect=OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))):
        assert_fails(capsys, "no space left")
    assert Path("data/set/pictures/a.jpg").read_bytes() == PICTURES["pictures/a.jpg"]
    assert sorted(os.listdir("data/set")) == ["list.txt", "pets.zip", "pictures"]
    assert run() == 0
    assert Path("data/set/pictures/a.jpg").read_bytes() == CONTENT
