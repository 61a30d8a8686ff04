"""A small registry, files and archives to try the downloader on, in the current folder."""

import hashlib
import io
import random
import tarfile
import zipfile
from pathlib import Path

import download_data

CONTENT = random.Random(9).randbytes(300_000)
OTHER = bytes(reversed(CONTENT))
TARGET = Path("data/set/file.bin")
PART = Path("data/set/file.bin.part")
# Two dots in a name are harmless, but shutil.unpack_archive leaves such a member of a zip file out.
PICTURES = {"pictures/a.jpg": b"a" * 10, "pictures/deep/b..jpg": b"b" * 20, "list.txt": b"a b"}


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


def assert_downloads(*arguments, timeout=5):
    """The command succeeds: the file is there, right, and nothing half-done lies beside it."""
    assert run(*arguments, timeout=timeout) == 0
    assert TARGET.read_bytes() == CONTENT
    assert [path.name for path in TARGET.parent.iterdir()] == [TARGET.name]


def assert_fails(capsys, *words, arguments=("set",), status=1):
    """The command fails, and its error message has these words."""
    assert run(*arguments) == status
    error = capsys.readouterr().err
    assert [word for word in words if word not in error] == []


def leave_part(content):
    """Leave what an earlier run received."""
    PART.parent.mkdir(parents=True)
    PART.write_bytes(content)


def flip(path):
    """Change the byte in the middle of a file."""
    content = bytearray(Path(path).read_bytes())
    content[len(content) // 2] ^= 0xFF
    Path(path).write_bytes(content)


def write_archive(path, members):
    """Write a .zip or .tar.gz of names, or headers of the format's own kind, and contents."""
    with zipfile.ZipFile(path, "w") if path.endswith(".zip") else tarfile.open(path, "w:gz") as bundle:
        for name, content in members.items():
            if path.endswith(".zip"):
                bundle.writestr(name, content)
            else:
                member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
                member.size = len(content)
                bundle.addfile(member, io.BytesIO(content))


def offer(name, members):
    """Write an archive, and a registry that offers it."""
    write_archive(name, members)
    write_registry(name, content=Path(name).read_bytes(), name=name)
