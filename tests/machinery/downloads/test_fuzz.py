"""Damaged archives without a checksum: a clear error or the right content, never anything else."""

import io
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from machinery.downloads.reporting import DataError
from machinery.downloads.unpacking import unpack

DICE = np.random.default_rng(0)
FILES = {f"pictures/pet_{number}.jpg": DICE.bytes(50 + 300 * number) for number in range(6)}
FILES |= {"list.txt": b"pet 1\n" * 400, "annotations/trimaps/pet_0.png": b"\x01\x02\x03" * 500}


def pack(kind):
    content = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in FILES.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(fileobj=content, mode="w:gz" if kind == "tar.gz" else "w") as archive:
            for name, data in FILES.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return content.getvalue()


def damage(content, dice):
    """Return content with bits flipped, a piece overwritten, cut out, doubled or moved, or the end missing."""
    data, place = bytearray(content), int(dice.integers(len(content)))
    length = int(dice.integers(1, 600))
    match dice.integers(6):
        case 0:
            data[place] ^= 1 << int(dice.integers(8))
        case 1:
            for index in dice.integers(len(data), size=8):
                data[index] = int(dice.integers(256))
        case 2:
            data[place : place + length] = bytes(len(data[place : place + length]))
        case 3:
            del data[place : place + length]
        case 4:
            data[place:place] = data[place : place + length]
        case 5:
            del data[place:]
    return bytes(data)


def judge(folder, content, damaged, kind):
    """Return what became of a damaged archive: "refused", "right", "other content" or what is wrong."""
    archive = folder / f"pets.{kind}"
    archive.write_bytes(damaged)
    try:
        unpack(archive, "none")
    except DataError as error:
        left = [path.name for path in folder.iterdir()]
        return "refused" if archive.name in str(error) and left == [archive.name] else f"wrong: {error}, {left}"
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith((".pets", "pets."))]
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    if found == FILES:
        return "right"
    if {name: len(data) for name, data in found.items()} == {name: len(data) for name, data in FILES.items()}:
        return "other content"
    return f"wrong: {sorted(found)}"


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar"])
@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_damaged_archive_is_refused_or_right(tmp_path, kind, count):
    content, verdicts = pack(kind), Counter()
    for seed in range(count):
        folder = Path(tmp_path, str(seed))
        folder.mkdir()
        verdicts[judge(folder, content, damage(content, np.random.default_rng(seed)), kind)] += 1
    print(kind, dict(verdicts))
    allowed = {"refused", "right"} | ({"other content"} if kind == "tar" else set())  # a tar has no checksum of data
    assert verdicts.keys() <= allowed, verdicts
    assert verdicts["refused"] > count / 4
