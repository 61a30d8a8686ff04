"""scripts/download_data.py against a server that fails as planned, and against hostile archives."""

import errno
import hashlib
import io
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

import download_data
from faulty_server import Fault, FaultyServer

CONTENT = random.Random(9).randbytes(300_000)
OTHER = bytes(reversed(CONTENT))
TARGET = "data/set/file.bin"


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    monkeypatch.setattr(download_data, "PAUSE", 0.001)
    monkeypatch.setattr(download_data, "CHUNK", 1 << 10)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def interruptible():
    """A job in the background inherits that Ctrl-C is ignored; here it interrupts, in child processes as well."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def server():
    with FaultyServer({"/file.bin": CONTENT, "/second/file.bin": CONTENT}) as running:
        yield running


def write_registry(*urls, content=CONTENT, name="file.bin", checksum="sha256", path="registry.toml"):
    """Write a registry of one set with one file; unless `checksum` is None, it knows the file's content."""
    known = 'unverified = "none is known"'
    if checksum:
        known = f'{checksum} = "{hashlib.new(checksum, content).hexdigest()}"\nbytes = {len(content)}'
    text = f'[set]\ntitle = "A set"\nlicence = "CC0"\n[[set.files]]\nname = "{name}"\nurls = {list(urls)}\n'
    Path(path).write_text(f"{text}{known}\n", encoding="utf-8")


def run(*arguments, timeout=5):
    """Run the command on the registry and the data folder of the test; return its exit status."""
    options = ["--registry", "registry.toml", "--dest", "data", "--timeout", str(timeout)]
    return download_data.main([*options, *(arguments or ["set"])])


def assert_whole(path=TARGET, content=CONTENT):
    """The file is there, right, and nothing half-done lies beside it."""
    assert Path(path).read_bytes() == content
    assert [p.name for p in Path(path).parent.iterdir() if "part" in p.name or "tmp" in p.name] == []


def assert_nothing(path=TARGET):
    """No file under the final name."""
    assert not Path(path).exists()


# The web


@pytest.mark.parametrize("cut", [0, 1, 1023, 1024, 1025, 65_536, 150_000, 250_001, 299_998, 299_999])
def test_a_cut_connection_is_resumed_where_it_ended(server, cut):
    write_registry(f"{server.url}/file.bin")
    server.plan = [Fault(cut=cut)]
    assert run() == 0
    assert_whole()
    assert [asked.start for asked in server.asked] == [0, cut]
    assert server.sent == len(CONTENT)


def test_ten_cuts_in_a_row_fetch_no_byte_twice(server):
    write_registry(f"{server.url}/file.bin")
    server.plan = [Fault(cut=30_000 * (n + 1) - n) for n in range(9)] + [Fault(cut=299_999)]
    assert run() == 0
    assert_whole()
    assert server.sent == len(CONTENT)
    assert len(server.asked) == 11
    assert all(asked.if_range for asked in server.asked[1:])


def test_a_connection_cut_for_ever_is_given_up(server, capsys):
    write_registry(f"{server.url}/file.bin")
    server.plan = [Fault(cut=1000)] * 50
    assert run() == 1
    assert_nothing()
    assert len(server.asked) == 1 + download_data.TRIES
    error = capsys.readouterr().err
    assert "given up" in error
    assert f"{server.url}/file.bin" in error


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refusal_is_not_repeated_but_the_next_url_taken(server, status, capsys):
    write_registry(f"{server.url}/file.bin", f"{server.url}/second/file.bin")
    server.plan = [Fault(status=status)]
    assert run() == 0
    assert_whole()
    assert [asked.path for asked in server.asked] == ["/file.bin", "/second/file.bin"]
    assert str(status) in capsys.readouterr().out


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_passing_failure_of_the_server_is_waited_out(server, status):
    write_registry(f"{server.url}/file.bin")
    server.plan = [Fault(status=status)] * 2
    assert run() == 0
    assert_whole()
    assert len(server.asked) == 3


def test_if_all_fail_the_error_lists_every_url_and_why(server, capsys):
    urls = [f"{server.url}/file.bin", f"{server.url}/second/file.bin", "http://127.0.0.1:1/file.bin"]
    write_registry(*urls)
    server.plan = [Fault(status=403), *[Fault(status=500)] * 10]
    assert run() == 1
    assert_nothing()
    error = capsys.readouterr().err
    assert all(word in error for word in [*urls, "403", "500", "refused", "--mirror"])


def test_a_stall_is_ended_and_resumed(server):
    write_registry(f"{server.url}/file.bin")
    server.plan = [Fault(stall=100 * 1024)]
    started = time.monotonic()
    assert run(timeout=0.3) == 0
    assert time.monotonic() - started < 3
    assert_whole()
    assert [asked.start for asked in server.asked] == [0, 100 * 1024]


def test_a_redirect_is_followed(server):
    write_registry(f"{server.url}/file.bin")
    server.plan = [Fault(location="/second/file.bin")]
    assert run() == 0
    assert_whole()
    assert [asked.path for asked in server.asked] == ["/file.bin", "/second/file.bin"]


def test_an_endless_redirect_is_left_for_the_next_url(server):
    write_registry(f"{server.url}/file.bin", "http://:0/file.bin", f"{server.url}/second/file.bin")
    server.plan = [Fault(location="/file.bin")] * 31
    assert run() == 0
    assert_whole()


def test_a_server_without_ranges_starts_over(server):
    write_registry(f"{server.url}/file.bin")
    server.ranges, server.plan = False, [Fault(cut=200_000)]
    assert run() == 0
    assert_whole()
    assert server.sent == 200_000 + len(CONTENT)


def test_a_file_that_changed_in_between_is_not_mixed(server):
    write_registry(f"{server.url}/file.bin")
    server.plan = [Fault(body=OTHER, cut=200_000)]
    assert run() == 0
    assert_whole()
    assert server.asked[1].if_range
    assert len(server.asked) == 2, "If-Range should have told them apart, not the checksum"


def test_a_weak_etag_does_not_prevent_resuming(server):
    write_registry(f"{server.url}/file.bin")
    server.etag, server.plan = 'W/"{}"', [Fault(cut=200_000)]
    assert run() == 0
    assert_whole()
    assert server.sent == len(CONTENT)


def test_a_gz_file_called_gzip_encoded_is_not_decoded(server):
    write_tar("pets.tar.gz", PICTURES)
    server.files["/pets.tar.gz"] = Path("pets.tar.gz").read_bytes()
    server.headers = {"Content-Encoding": "gzip"}
    write_registry(f"{server.url}/pets.tar.gz", content=server.files["/pets.tar.gz"], name="pets.tar.gz")
    assert run() == 0
    assert Path("data/set/pictures/a.jpg").exists()


@pytest.mark.parametrize("checksum", ["sha256", "md5"])
def test_wrong_bytes_are_dropped_and_the_next_url_taken(server, checksum, capsys):
    write_registry(f"{server.url}/file.bin", f"{server.url}/second/file.bin", checksum=checksum)
    server.plan = [Fault(body=OTHER)]
    assert run() == 0
    assert_whole()
    output = capsys.readouterr().out
    for content in (CONTENT, OTHER):
        assert hashlib.new(checksum, content).hexdigest() in output, "both checksums are told"


def test_wrong_bytes_alone_are_an_error_and_leave_nothing(server, capsys):
    write_registry(f"{server.url}/file.bin")
    server.plan = [Fault(body=OTHER)] * 5
    assert run() == 1
    assert list(Path("data/set").iterdir()) == []
    error = capsys.readouterr().err
    for content in (CONTENT, OTHER):
        assert hashlib.sha256(content).hexdigest() in error
    assert f"{server.url}/file.bin" in error


def test_truncated_content_is_refused_before_it_is_fetched(server, capsys):
    write_registry(f"{server.url}/file.bin", f"{server.url}/second/file.bin")
    server.plan = [Fault(body=CONTENT[:-1000])]
    assert run() == 0
    assert_whole()
    assert "299,000 bytes there, 300,000 expected" in capsys.readouterr().out


def test_a_good_file_is_never_replaced_by_a_bad_one(server):
    write_registry(f"{server.url}/file.bin")
    run()
    server.files["/file.bin"] = OTHER
    assert run() == 0
    assert_whole()
    Path(TARGET).write_bytes(CONTENT[:-1])
    write_registry(f"{server.url}/file.bin")
    assert run() == 1
    assert Path(TARGET).read_bytes() == CONTENT[:-1], "a bad one neither"
    server.files["/file.bin"] = CONTENT
    assert run() == 0
    assert_whole()


def test_the_second_run_asks_nobody_and_says_so(server, capsys):
    write_registry(f"{server.url}/file.bin")
    assert run() == 0
    server.asked.clear()
    capsys.readouterr()
    assert run() == 0
    assert server.asked == []
    assert "nothing to do" in capsys.readouterr().out


def test_a_part_of_wrong_bytes_does_not_condemn_a_good_source(server):
    write_registry(f"{server.url}/file.bin")
    Path("data/set").mkdir(parents=True)
    Path(TARGET + ".part").write_bytes(OTHER[:1000])
    assert run() == 0
    assert_whole()
    assert [asked.start for asked in server.asked] == [1000, 0]


@pytest.mark.parametrize("surplus", [0, 7])
def test_a_part_as_long_as_the_file_or_longer(server, surplus):
    write_registry(f"{server.url}/file.bin")
    Path("data/set").mkdir(parents=True)
    Path(TARGET + ".part").write_bytes(CONTENT + b"x" * surplus)
    assert run() == 0
    assert_whole()
    assert len(server.asked) == (1 if surplus else 0)


def test_a_file_without_checksum_is_fetched_and_reported(server, capsys):
    write_registry(f"{server.url}/file.bin", f"{server.url}/second/file.bin", checksum=None)
    server.plan = [Fault(cut=9000), *[Fault(status=500)] * download_data.TRIES]
    assert run() == 0
    assert_whole()
    assert server.asked[-1].start == 0, "without a checksum, two sources must not be mixed"
    told = capsys.readouterr().out
    assert "not verified: none is known" in told
    assert hashlib.sha256(CONTENT).hexdigest() in told


# Interruption


def test_ctrl_c_keeps_what_arrived(server, monkeypatch, capsys):
    write_registry(f"{server.url}/file.bin")

    def interrupted_bar(*_):
        class Bar(io.BytesIO):
            seen = itertools.count(1)

            def update(self, _):
                if next(self.seen) == 100:
                    raise KeyboardInterrupt

        return Bar()

    with monkeypatch.context() as patch:
        patch.setattr(download_data, "progress", interrupted_bar)
        assert run() == 130
    assert_nothing()
    assert "interrupted" in capsys.readouterr().err
    kept = Path(TARGET + ".part").stat().st_size
    assert kept == 100 * 1024
    assert run() == 0
    assert_whole()
    assert server.asked[-1].start == kept


def test_ctrl_c_while_the_checksum_is_computed_loses_nothing(server, monkeypatch):
    write_registry(f"{server.url}/file.bin")

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pooch.core.hash_matches", interrupt)
        assert run() == 130
    assert_nothing()
    assert run() == 0
    assert_whole()
    assert len(server.asked) == 1


def test_a_range_past_the_end_starts_over(server, monkeypatch):
    write_registry(f"{server.url}/file.bin", checksum=None)
    with monkeypatch.context() as patch:
        patch.setattr("pooch.core.hash_matches", lambda *_, **__: signal.raise_signal(signal.SIGINT))
        assert run() == 130
    assert run() == 0
    assert_whole()
    assert [asked.start for asked in server.asked] == [0, len(CONTENT), 0]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_process_leaves_a_part_to_go_on_from(server, kill):
    write_registry(f"{server.url}/file.bin")
    server.plan = [Fault(stall=200_000)]
    command = [sys.executable, download_data.__file__, "set", "--registry", "registry.toml", "--dest", "data"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    part, deadline = Path(TARGET + ".part"), time.monotonic() + 15
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(kill)
    _, error = process.communicate(timeout=10)
    assert process.returncode == (130 if kill == signal.SIGINT else -signal.SIGKILL)
    assert ("interrupted" in error) == (kill == signal.SIGINT)
    assert_nothing()
    kept = part.stat().st_size
    assert 0 < kept <= 200_000
    assert run() == 0
    assert_whole()
    assert server.asked[-1].start == kept


# Mirrors and registries


def test_the_mirrors_are_tried_first_in_both_layouts(server):
    write_registry(f"{server.url}/file.bin")
    server.files["/mirror/set/file.bin"] = CONTENT
    assert run("set", "--mirror", f"{server.url}/mirror/") == 0
    assert [asked.path for asked in server.asked] == ["/mirror/set/file.bin"]
    for folder in ("first", "second/set"):
        shutil.rmtree("data")
        server.asked.clear()
        Path(folder).mkdir(parents=True)
        (Path(folder) / "file.bin").write_bytes(CONTENT)
        assert run("set", "--mirror", "nowhere", "--mirror", folder.split("/")[0]) == 0
        assert_whole()
        assert server.asked == []


def test_a_bad_mirror_falls_back_to_the_registry(server):
    write_registry(f"{server.url}/file.bin")
    Path("mirror").mkdir()
    Path("mirror/file.bin").write_bytes(OTHER)
    assert run("set", "--mirror", "mirror", "--mirror", f"{server.url}/none") == 0
    assert_whole()
    assert server.asked[-1].path == "/file.bin"
    assert Path("mirror/file.bin").read_bytes() == OTHER


def test_a_local_copy_is_resumed_too(tmp_path, capsys):
    Path("source.bin").write_bytes(CONTENT)
    write_registry((tmp_path / "source.bin").as_uri())
    Path("data/set").mkdir(parents=True)
    Path(TARGET + ".part").write_bytes(CONTENT[:5000])
    assert run() == 0
    assert_whole()
    assert "resumed at 5,000" in capsys.readouterr().out


def test_a_local_copy_that_changed_in_between_is_not_mixed():
    write_registry("source.bin", checksum=None)
    Path("source.bin").write_bytes(CONTENT)
    Path("data/set").mkdir(parents=True)
    Path(TARGET + ".part").write_bytes(OTHER[:5000])
    note = {"source": "source.bin", "validator": "300000-1"}
    Path(TARGET + ".part.json").write_text(json.dumps(note), encoding="utf-8")
    assert run() == 0
    assert_whole()


def test_a_registry_on_the_web_has_urls_relative_to_itself(server):
    write_registry("second/file.bin")
    server.files["/registry.toml"] = Path("registry.toml").read_bytes()
    options = ["set", "--registry", f"{server.url}/registry.toml", "--dest", "data"]
    assert download_data.main(options) == 0
    assert_whole()
    assert server.asked[-1].path == "/second/file.bin"


def test_a_registry_in_a_folder_has_urls_relative_to_itself():
    Path("elsewhere").mkdir()
    Path("elsewhere/there.bin").write_bytes(CONTENT)
    write_registry("there.bin", path="elsewhere/registry.toml")
    assert run("set", "--registry", "elsewhere/registry.toml") == 0
    assert_whole()


def test_an_unknown_set_names_the_known_ones(capsys):
    write_registry("x")
    assert run("sett") == 2
    assert "no data set sett. There are: set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "key"),
    [('licence = "CC0"', "licence"), ('name = "file.bin"', "name"), ("urls =", "urls"), ("sha256 =", "sha256")],
)
def test_a_registry_without_a_key_names_key_and_file(capsys, line, key):
    write_registry("x")
    lines = Path("registry.toml").read_text(encoding="utf-8").splitlines()
    Path("registry.toml").write_text("\n".join(x for x in lines if not x.startswith(line)), encoding="utf-8")
    assert run() == 2
    error = capsys.readouterr().err
    assert f"'{key}'" in error
    assert "registry.toml" in error


@pytest.mark.parametrize("text", ["[set", "set = 1", "[set]\ntitle = 1"])
def test_nonsense_is_not_a_registry(capsys, text):
    Path("registry.toml").write_text(text, encoding="utf-8")
    assert run() == 2
    assert "registry.toml" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../file.bin", "/file.bin", ".hidden", "a/b", ""])
def test_a_registry_cannot_write_outside_the_folder(capsys, name):
    write_registry("x", name=name)
    assert run() == 2
    assert "not a plain file name" in capsys.readouterr().err


def test_the_repositorys_registry_is_listed(capsys):
    assert download_data.main(["--list"]) == 0
    told = capsys.readouterr().out
    for word in ("oxford-pets", "dogs-vs-cats-kaggle", "kaggle competitions download", "CC BY-SA 4.0", "792MB"):
        assert word in told


def test_kaggles_file_is_taken_from_the_readers_folder(capsys):
    options = ["dogs-vs-cats-kaggle", "--dest", "data"]
    assert download_data.main(options) == 1
    assert "kaggle competitions download -c dogs-vs-cats" in capsys.readouterr().err
    Path("mine").mkdir()
    write_zip("mine/train.zip", {"train/cat.0.jpg": CONTENT, "train/dog.0.jpg": OTHER})
    assert download_data.main([*options, "--mirror", "mine"]) == 0
    assert Path("data/dogs-vs-cats/train/dog.0.jpg").read_bytes() == OTHER
    assert "not verified: no published checksum" in capsys.readouterr().out
    assert download_data.main([*options, "--verify"]) == 0


# Archives


def write_zip(path, members):
    with zipfile.ZipFile(path, "w") as bundle:
        for name, content in members.items():
            bundle.writestr(name, content)


def write_tar(path, members, **special):
    """Write a .tar.gz; `special` are the attributes of one more member, called "pictures/odd"."""
    with tarfile.open(path, "w:gz") as bundle:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            bundle.addfile(member, io.BytesIO(content))
        if special:
            member = tarfile.TarInfo("pictures/odd")
            for key, value in special.items():
                setattr(member, key, value)
            bundle.addfile(member)


def offer(path):
    """Write a registry that offers the archive at `path`."""
    write_registry(str(Path(path).resolve()), content=Path(path).read_bytes(), name=Path(path).name)


PICTURES = {"pictures/a.jpg": b"a" * 10, "pictures/deep/b.jpg": b"b" * 20, "list.txt": b"a b"}


@pytest.mark.parametrize(("write", "name"), [(write_zip, "pets.zip"), (write_tar, "pets.tar.gz")])
def test_an_archive_is_unpacked_once(write, name, capsys):
    write(name, PICTURES)
    offer(name)
    assert run() == 0
    for member, content in PICTURES.items():
        assert (Path("data/set") / member).read_bytes() == content
    assert sorted(os.listdir("data/set")) == sorted([f".{name}.unpacked", "list.txt", name, "pictures"])
    assert "3 files unpacked" in capsys.readouterr().out
    before = Path("data/set/pictures").stat().st_mtime_ns, Path("data/set/pictures").stat().st_ino
    assert run() == 0
    assert "Nothing to do." in capsys.readouterr().out
    assert before == (Path("data/set/pictures").stat().st_mtime_ns, Path("data/set/pictures").stat().st_ino)
    shutil.rmtree("data/set/pictures")
    assert run() == 0
    assert Path("data/set/pictures/a.jpg").exists()


def test_a_newer_archive_replaces_the_older_folder():
    write_zip("pets.zip", PICTURES)
    offer("pets.zip")
    run()
    write_zip("pets.zip", {"pictures/c.jpg": b"c"})
    offer("pets.zip")
    assert run() == 0
    assert os.listdir("data/set/pictures") == ["c.jpg"]


OUTSIDE = ["../evil", "pictures/../../evil", "HERE/evil", "C:/evil", "..\\evil"]


@pytest.mark.parametrize("write", [write_zip, write_tar])
@pytest.mark.parametrize("evil", OUTSIDE)
def test_a_member_outside_its_folder_is_refused(write, evil, tmp_path, capsys):
    name = "pets.zip" if write is write_zip else "pets.tar.gz"
    evil = evil.replace("HERE", str(tmp_path))
    write(name, {**PICTURES, evil: b"evil"})
    offer(name)
    assert run() == 1
    assert evil in capsys.readouterr().err
    assert os.listdir("data/set") == [name], "nothing was unpacked"
    assert not [path for path in tmp_path.rglob("*evil*")]


def test_an_archive_cannot_replace_itself(capsys):
    write_zip("pets.zip", {"pets.zip/evil": b"evil"})
    offer("pets.zip")
    assert run() == 1
    assert "not safe" in capsys.readouterr().err
    assert Path("data/set/pets.zip").is_file()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_link_or_device_in_a_tar_file_is_refused(kind, capsys):
    write_tar("pets.tar.gz", PICTURES, type=kind, linkname="../../../registry.toml")
    offer("pets.tar.gz")
    assert run() == 1
    assert "'pictures/odd' is a link or device" in capsys.readouterr().err
    assert os.listdir("data/set") == ["pets.tar.gz"]


def test_a_link_in_a_zip_file_is_refused(capsys):
    link = zipfile.ZipInfo("pictures/odd")
    link.external_attr = 0o120777 << 16
    write_zip("pets.zip", {**PICTURES, link: "/etc"})
    offer("pets.zip")
    assert run() == 1
    assert "'pictures/odd' is a link or device" in capsys.readouterr().err
    assert os.listdir("data/set") == ["pets.zip"]


@pytest.mark.parametrize(("write", "name"), [(write_zip, "pets.zip"), (write_tar, "pets.tar.gz")])
@pytest.mark.parametrize("damage", ["flip", "truncate"])
def test_a_damaged_archive_changes_nothing(write, name, damage, capsys):
    write(name, {"pictures/a.jpg": b"picture" * 10_000})
    content = bytearray(Path(name).read_bytes())
    content[len(content) // 2] ^= 0xFF
    Path(name).write_bytes(content if damage == "flip" else content[: len(content) // 2])
    offer(name)
    assert run() == 1
    assert "damaged" in capsys.readouterr().err
    assert os.listdir("data/set") == [name]


# Space


def limit_disk(monkeypatch, free):
    monkeypatch.setattr(download_data.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 0, free))


def test_space_is_checked_before_anything_is_asked(server, monkeypatch, capsys):
    write_registry(f"{server.url}/file.bin")
    limit_disk(monkeypatch, 299_999)
    assert run() == 1
    assert server.asked == []
    assert "300kB needed" in capsys.readouterr().err
    assert not Path("data").exists()


def test_an_archive_needs_space_for_its_files_too(monkeypatch, capsys):
    write_zip("pets.zip", {"pictures/a.jpg": CONTENT})
    offer("pets.zip")
    limit_disk(monkeypatch, int(2.1 * len(CONTENT)))
    assert run() == 1
    assert "660kB needed, 630kB available" in capsys.readouterr().err


def test_a_part_and_a_file_of_unknown_size_are_reckoned_with(server, monkeypatch, capsys):
    write_registry(f"{server.url}/file.bin")
    Path("data/set").mkdir(parents=True)
    Path(TARGET + ".part").write_bytes(CONTENT[:200_000])
    limit_disk(monkeypatch, 100_000)
    assert run() == 0
    Path(TARGET).unlink()
    write_registry(f"{server.url}/file.bin", checksum=None)
    assert run() == 1
    assert "300kB needed, 100kB available" in capsys.readouterr().err


class FullDisk(io.FileIO):
    """A file on a disk that takes 50,000 bytes."""

    def write(self, data):
        room = 50_000 - self.tell()
        if room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(bytes(data)[:room])


def test_a_disk_full_in_the_middle_keeps_the_part(server, monkeypatch, capsys):
    write_registry(f"{server.url}/file.bin", f"{server.url}/second/file.bin")

    def full(path, mode):
        return io.BufferedWriter(FullDisk(path, mode))

    with monkeypatch.context() as patch:
        patch.setattr(download_data, "open", full, raising=False)
        assert run() == 1
    assert "no space left" in capsys.readouterr().err
    assert len(server.asked) == 1, "another source does not help"
    assert_nothing()
    assert Path(TARGET + ".part").read_bytes() == CONTENT[:50_000]
    assert run() == 0
    assert_whole()
    assert server.asked[-1].start == 50_000


def test_a_disk_full_while_unpacking_leaves_the_older_folder(monkeypatch, capsys):
    write_zip("pets.zip", PICTURES)
    offer("pets.zip")
    run()
    write_zip("pets.zip", {"pictures/a.jpg": CONTENT})
    offer("pets.zip")

    def full(source, out):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(download_data.shutil, "copyfileobj", full)
        assert run() == 1
    assert "no space left" in capsys.readouterr().err
    assert Path("data/set/pictures/a.jpg").read_bytes() == PICTURES["pictures/a.jpg"]
    assert sorted(os.listdir("data/set")) == ["list.txt", "pets.zip", "pictures"]
    assert run() == 0
    assert Path("data/set/pictures/a.jpg").read_bytes() == CONTENT


# --verify


@pytest.fixture
def unpacked_pets():
    write_tar("pets.tar.gz", PICTURES)
    offer("pets.tar.gz")
    assert run() == 0
    assert run("--verify") == 0


def flip(path):
    content = bytearray(Path(path).read_bytes())
    content[len(content) // 2] ^= 1
    Path(path).write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda: flip("data/set/pets.tar.gz"), "Run again without --verify"),
        (lambda: Path("data/set/pets.tar.gz").unlink(), "missing"),
        (lambda: Path("data/set/pictures/a.jpg").unlink(), "pictures/a.jpg"),
        (lambda: Path("data/set/pictures/a.jpg").write_bytes(b"short"), "pictures/a.jpg"),
        (lambda: Path("data/set/pictures/more.jpg").write_bytes(b"more"), "pictures/more.jpg"),
        (lambda: shutil.rmtree("data/set/pictures"), "pictures/deep/b.jpg"),
        (lambda: Path("data/set/.pets.tar.gz.unpacked").unlink(), "not unpacked"),
    ],
)
@pytest.mark.usefixtures("unpacked_pets")
def test_verify_notices(damage, told, capsys):
    capsys.readouterr()
    damage()
    assert run("set", "--verify") == 1
    error = capsys.readouterr().err
    assert told in error
    assert "un again" in error, "the remedy is told"


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
