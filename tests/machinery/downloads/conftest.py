"""What the tests of the downloader need: an empty folder, no waiting, Ctrl-C, a server that fails as planned."""

import signal

import pytest

from faulty_server import FaultyServer
from machinery.downloads import fetching, sources
from trial_data import CONTENT, write_registry


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    monkeypatch.setattr(fetching, "PAUSE", 0.001)
    monkeypatch.setattr(sources, "CHUNK", 1 << 10)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    # A job in the background inherits that Ctrl-C is ignored; here it interrupts, in child processes as well.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def server():
    """A server with the file at two addresses, and a registry that knows the first."""
    with FaultyServer({"/file.bin": CONTENT, "/second/file.bin": CONTENT}) as running:
        write_registry(f"{running.url}/file.bin")
        yield running
