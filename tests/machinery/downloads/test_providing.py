"""What a file still needs is found out, got from the mirrors first if the disk has room, and checked by --verify."""

import shutil
from pathlib import Path

import pytest

from trial_data import (
    CONTENT,
    OTHER,
    PICTURES,
    TARGET,
    assert_downloads,
    assert_fails,
    flip,
    leave_part,
    offer,
    run,
    write_registry,
)


def test_a_good_file_is_never_replaced_by_a_bad_one(server):
    run()
    server.files["/file.bin"] = OTHER
    assert_downloads()
    TARGET.write_bytes(CONTENT[:-1])
    assert run() == 1
    assert TARGET.read_bytes() == CONTENT[:-1], "a bad one neither"
    server.files["/file.bin"] = CONTENT
    assert_downloads()


def test_the_second_run_asks_nobody_and_says_so(server, capsys):
    assert run() == 0
    server.asked.clear()
    capsys.readouterr()
    assert run() == 0
    assert server.asked == []
    assert "nothing to do" in capsys.readouterr().out


# Mirrors


def test_the_mirrors_are_tried_first_in_both_layouts(server):
    server.files["/mirror/set/file.bin"] = CONTENT
    assert run("set", "--mirror", f"{server.url}/mirror/") == 0
    assert [asked.path for asked in server.asked] == ["/mirror/set/file.bin"]
    for folder in ("first", "second/set"):
        shutil.rmtree("data")
        server.asked.clear()
        Path(folder).mkdir(parents=True)
        (Path(folder) / "file.bin").write_bytes(CONTENT)
        assert_downloads("set", "--mirror", "nowhere", "--mirror", folder.split("/")[0])
        assert server.asked == []


def test_a_bad_mirror_falls_back_to_the_registry(server):
    Path("mirror").mkdir()
    Path("mirror/file.bin").write_bytes(OTHER)
    assert_downloads("set", "--mirror", "mirror", "--mirror", f"{server.url}/none")
    assert server.asked[-1].path == "/file.bin"
    assert Path("mirror/file.bin").read_bytes() == OTHER


# Space


def limit_disk(monkeypatch, free):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 0, free))


def test_space_is_checked_before_anything_is_asked(server, monkeypatch, capsys):
    limit_disk(monkeypatch, 299_999)
    assert_fails(capsys, "300kB needed")
    assert server.asked == []
    assert not Path("data").exists()


def test_an_archive_needs_space_for_its_files_too(monkeypatch, capsys):
    offer("pets.zip", {"pictures/a.jpg": CONTENT})
    limit_disk(monkeypatch, int(2.1 * len(CONTENT)))
    assert_fails(capsys, "660kB needed, 630kB available")


def test_a_part_and_a_file_of_unknown_size_are_reckoned_with(server, monkeypatch, capsys):
    leave_part(CONTENT[:200_000])
    limit_disk(monkeypatch, 100_000)
    assert run() == 0
    TARGET.unlink()
    write_registry(f"{server.url}/file.bin", checksum=None)
    assert_fails(capsys, "300kB needed, 100kB available")


# --verify


@pytest.fixture
def unpacked_pets():
    offer("pets.tar.gz", PICTURES)
    assert run() == 0
    assert run("--verify") == 0


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda: flip("data/set/pets.tar.gz"), "Run again without --verify"),
        (lambda: Path("data/set/pets.tar.gz").unlink(), "missing"),
        (lambda: Path("data/set/pictures/a.jpg").unlink(), "pictures/a.jpg"),
        (lambda: Path("data/set/pictures/a.jpg").write_bytes(b"short"), "pictures/a.jpg"),
        (lambda: Path("data/set/pictures/more.jpg").write_bytes(b"more"), "pictures/more.jpg"),
        (lambda: shutil.rmtree("data/set/pictures"), "pictures/deep/b..jpg"),
        (lambda: Path("data/set/.pets.tar.gz.unpacked").unlink(), "not unpacked"),
    ],
)
@pytest.mark.usefixtures("unpacked_pets")
def test_verify_notices(damage, told, capsys):
    damage()
    assert_fails(capsys, told, "un again", arguments=["set", "--verify"])  # the remedy is told


@pytest.mark.usefixtures("unpacked_pets")
def test_what_verify_advises_works():
    flip("data/set/pets.tar.gz")
    assert run() == 0
    assert run("set", "--verify") == 0
    Path("data/set/pictures/a.jpg").unlink()
    shutil.rmtree("data/set/pictures")
    Path("data/set/list.txt").unlink()
    assert run() == 0
    assert run("set", "--verify") == 0


@pytest.mark.usefixtures("unpacked_pets")
def test_verify_overlooks_what_file_browsers_leave():
    Path("data/set/pictures/.DS_Store").write_bytes(b"")
    assert run("set", "--verify") == 0
