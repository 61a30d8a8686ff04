"""A file is complete, right and under its name, or not there at all, whatever fails on the way."""

import errno
import hashlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
from unittest.mock import patch

import pytest

import download_data
from faulty_server import Fault
from machinery.downloads import fetching
from trial_data import CONTENT, OTHER, PART, TARGET, assert_downloads, assert_fails, leave_part, run, write_registry


def write_two_urls(server, **options):
    write_registry(f"{server.url}/file.bin", f"{server.url}/second/file.bin", **options)


def compute_digests(algorithm):
    return [hashlib.new(algorithm, content).hexdigest() for content in (CONTENT, OTHER)]


@pytest.mark.parametrize(
    ("fault", "checksum", "told"),
    [
        *[(Fault(status=status), "sha256", [str(status)]) for status in (403, 404, 410)],
        *[(Fault(body=OTHER), checksum, compute_digests(checksum)) for checksum in ("sha256", "md5")],
        (Fault(body=CONTENT[:-1000]), "sha256", ["299,000 bytes there, 300,000 expected"]),
    ],
    ids=["403", "404", "410", "wrong sha256", "wrong md5", "truncated"],
)
def test_a_source_that_fails_is_not_asked_again_but_the_next_one(server, fault, checksum, told, capsys):
    write_two_urls(server, checksum=checksum)
    server.plan = [fault]
    assert_downloads()
    assert [asked.path for asked in server.asked] == ["/file.bin", "/second/file.bin"]
    output = capsys.readouterr().out
    assert [word for word in told if word not in output] == []


def test_wrong_bytes_alone_are_an_error_and_leave_nothing(server, capsys):
    server.plan = [Fault(body=OTHER)] * 5
    assert_fails(capsys, *compute_digests("sha256"), f"{server.url}/file.bin")
    assert list(TARGET.parent.iterdir()) == []


def test_a_connection_cut_for_ever_is_given_up(server, capsys):
    server.plan = [Fault(cut=1000)] * 50
    assert_fails(capsys, "given up", f"{server.url}/file.bin")
    assert not TARGET.exists()
    assert len(server.asked) == 1 + fetching.TRIES


def test_if_all_fail_the_error_lists_every_url_and_why(server, capsys):
    urls = [f"{server.url}/file.bin", f"{server.url}/second/file.bin", "http://127.0.0.1:1/file.bin"]
    write_registry(*urls)
    server.plan = [Fault(status=403), *[Fault(status=500)] * 10]
    assert_fails(capsys, *urls, "403", "500", "refused", "--mirror")
    assert not TARGET.exists()


@pytest.mark.parametrize(
    ("part", "starts"),
    [(OTHER[:1000], [1000, 0]), (CONTENT, []), (CONTENT + b"surplus", [0])],
    ids=["wrong", "complete", "too long"],
)
def test_a_part_does_not_condemn_a_good_source(server, part, starts):
    leave_part(part)
    assert_downloads()
    assert [asked.start for asked in server.asked] == starts


def test_a_file_without_checksum_is_fetched_and_reported(server, capsys):
    write_two_urls(server, checksum=None)
    server.plan = [Fault(cut=9000), *[Fault(status=500)] * fetching.TRIES]
    assert_downloads()
    assert server.asked[-1].start == 0, "without a checksum, two sources must not be mixed"
    told = capsys.readouterr().out
    assert "not verified: none is known" in told
    assert compute_digests("sha256")[0] in told


@pytest.mark.parametrize("checksum", ["sha256", None])
def test_ctrl_c_while_the_checksum_is_computed_loses_nothing(server, checksum):
    write_registry(f"{server.url}/file.bin", checksum=checksum)
    with patch.object(fetching, "compare_checksum", side_effect=KeyboardInterrupt):
        assert run() == 130
    assert not TARGET.exists()
    assert_downloads()
    # Without a checksum only the server knows that all is there: it refuses the range past the end.
    assert [asked.start for asked in server.asked] == ([0] if checksum else [0, len(CONTENT), 0])


def start_download():
    """Start the command in a process of its own; return it as soon as it has received something."""
    command = [sys.executable, download_data.__file__, "set", "--registry", "registry.toml", "--dest", "data"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 15
    while not (PART.exists() and PART.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("checksum", [None, "sha256"])
@pytest.mark.parametrize("killed", [False, True])
def test_of_two_processes_at_one_file_the_second_waits(server, killed, checksum, capsys):
    write_registry(f"{server.url}/file.bin", checksum=checksum)
    server.plan = [Fault(stall=100_000)]
    first = start_download()
    threading.Timer(0.5, first.kill if killed else server.released.set).start()  # until then the server is silent
    assert_downloads()
    first.communicate(timeout=10)
    assert first.returncode == (-signal.SIGKILL if killed else 0)
    assert "waiting for it" in capsys.readouterr().out
    assert [asked.start > 0 for asked in server.asked] == [False, True], "what the first received is not fetched again"


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_process_leaves_a_part_to_go_on_from(server, kill):
    server.plan = [Fault(stall=200_000)]
    process = start_download()
    process.send_signal(kill)
    _, error = process.communicate(timeout=10)
    assert process.returncode == (130 if kill == signal.SIGINT else -signal.SIGKILL)
    assert ("interrupted" in error) == (kill == signal.SIGINT)
    assert not TARGET.exists()
    kept = PART.stat().st_size
    assert 0 < kept <= 200_000
    assert_downloads()
    assert server.asked[-1].start == kept


class FullDisk(io.FileIO):
    """A file on a disk that takes 50,000 bytes."""

    def write(self, data):
        room = 50_000 - self.tell()
        if room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(bytes(data)[:room])


def test_a_disk_full_in_the_middle_keeps_the_part(server, capsys):
    write_two_urls(server)
    with patch.object(fetching, "open", lambda *where: io.BufferedWriter(FullDisk(*where)), create=True):
        assert_fails(capsys, "no space left")
    assert len(server.asked) == 1, "another source does not help"
    assert not TARGET.exists()
    assert PART.read_bytes() == CONTENT[:50_000]
    assert_downloads()
    assert server.asked[-1].start == 50_000
