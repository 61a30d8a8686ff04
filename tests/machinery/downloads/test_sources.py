"""Bytes come from a web server or a folder, from where the last ones ended, and never from two versions."""

import json
import os
import time
from pathlib import Path

import pytest

from faulty_server import Fault
from machinery.downloads import fetching
from trial_data import (
    CONTENT,
    OTHER,
    PART,
    PICTURES,
    assert_downloads,
    assert_fails,
    leave_part,
    offer,
    run,
    write_registry,
)

CUTS = [0, 1, 1023, 1024, 1025, 65_536, 150_000, 250_001, 299_998, 299_999]
TEN_CUTS = [*(30_000 * (n + 1) - n for n in range(9)), 299_999]
MISHAPS = {
    **{f"cut at {cut}": ([Fault(cut=cut)], [0, cut]) for cut in CUTS},
    "cut ten times": ([Fault(cut=cut) for cut in TEN_CUTS], [0, *TEN_CUTS]),
    **{f"passing {status}": ([Fault(status=status)] * 2, [0, 0, 0]) for status in (500, 503, 429)},
    "stall": ([Fault(stall=100 * 1024)], [0, 100 * 1024]),
}


@pytest.mark.parametrize(("plan", "starts"), MISHAPS.values(), ids=MISHAPS)
def test_after_a_mishap_no_byte_is_fetched_twice(server, plan, starts):
    server.plan = [*plan]
    started = time.monotonic()
    assert_downloads(timeout=0.3 if plan[0].stall else 5)
    assert time.monotonic() - started < 3, "a stall should be ended"
    assert [asked.start for asked in server.asked] == starts
    assert all(asked.if_range for asked in server.asked if asked.start)
    assert server.sent == len(CONTENT)


def test_a_redirect_is_followed(server):
    server.plan = [Fault(location="/second/file.bin")]
    assert_downloads()
    assert [asked.path for asked in server.asked] == ["/file.bin", "/second/file.bin"]


def test_an_endless_redirect_is_left_for_the_next_url(server):
    write_registry(f"{server.url}/file.bin", "http://:0/file.bin", f"{server.url}/second/file.bin")
    server.plan = [Fault(location="/file.bin")] * 31
    assert_downloads()


def test_a_server_without_ranges_starts_over(server):
    server.ranges = False
    server.plan = [Fault(cut=200_000)]
    assert_downloads()
    assert server.sent == 200_000 + len(CONTENT)


def test_a_file_that_changed_in_between_is_not_mixed(server):
    server.plan = [Fault(body=OTHER, cut=200_000)]
    assert_downloads()
    assert server.asked[1].if_range
    assert len(server.asked) == 2, "If-Range should have told them apart, not the checksum"


def test_a_weak_etag_does_not_prevent_resuming(server):
    server.etag = 'W/"{}"'
    server.plan = [Fault(cut=200_000)]
    assert_downloads()
    assert server.sent == len(CONTENT)


def test_a_gz_file_called_gzip_encoded_is_not_decoded(server):
    offer("pets.tar.gz", PICTURES)
    content = Path("pets.tar.gz").read_bytes()
    server.files["/pets.tar.gz"] = content
    server.headers = {"Content-Encoding": "gzip"}
    write_registry(f"{server.url}/pets.tar.gz", content=content, name="pets.tar.gz")
    assert run() == 0
    assert Path("data/set/pictures/a.jpg").exists()


def test_a_local_copy_is_resumed_too(tmp_path, capsys):
    Path("source.bin").write_bytes(CONTENT)
    write_registry((tmp_path / "source.bin").as_uri())
    leave_part(CONTENT[:5000])
    assert_downloads()
    assert "resumed at 5,000" in capsys.readouterr().out


def test_a_local_copy_that_changed_in_between_is_not_mixed():
    write_registry("source.bin", checksum=None)
    Path("source.bin").write_bytes(CONTENT)
    leave_part(OTHER[:5000])
    note = {"source": "source.bin", "validator": "300000-1"}
    PART.with_name("file.bin.part.json").write_text(json.dumps(note), encoding="utf-8")
    assert_downloads()


def test_a_pipe_is_not_waited_for(capsys):
    os.mkfifo("file.bin")
    write_registry("file.bin")
    assert_fails(capsys, "no file, but a folder, a pipe or a device")


@pytest.mark.parametrize("note", ["[]", "null", "5", "{", "[" * 10_000, '{"source": 5, "validator": []}'])
def test_a_damaged_note_beside_a_part_is_as_if_absent(server, note):
    leave_part(CONTENT[:1000])
    PART.with_name("file.bin.part.json").write_text(note)
    write_registry(f"{server.url}/file.bin")
    assert_downloads()


def test_more_bytes_than_announced_are_not_kept(server, capsys, monkeypatch):
    notes = []

    def write_note(*arguments):
        notes.append(arguments)
        if len(notes) == 2:  # when it goes on, another process writes into the same part
            with PART.open("ab") as part:
                part.write(b"of another process")
        notes_of_ours(*arguments)

    notes_of_ours = fetching.write_note
    monkeypatch.setattr(fetching, "write_note", write_note)
    server.plan = [Fault(cut=1000)]
    write_registry(f"{server.url}/file.bin", checksum=None)
    assert_downloads()
    assert "was it fetched twice at once?" in capsys.readouterr().out
