"""scripts/download_data.py with the project's own registry, and with a name that is in none."""

from pathlib import Path

import pytest

import download_data
from helpers.knobs import PROFILES
from machinery.downloads.registry import load_registry
from trial_data import CONTENT, OTHER, assert_fails, run, write_archive, write_registry


def test_an_unknown_set_names_the_known_ones(capsys):
    write_registry("x")
    assert_fails(capsys, "no data set sett. There are: set", arguments=["sett"], status=2)


def test_the_projects_registry_is_listed(capsys):
    assert download_data.main(["--list"]) == 0
    told = capsys.readouterr().out
    for word in ("oxford-pets", "dogs-vs-cats-kaggle", "kaggle competitions download", "CC BY-SA 4.0", "792MB"):
        assert word in told


def test_what_a_profile_needs_is_said_first_and_fetched(server, capsys):
    write_registry(f"{server.url}/file.bin")
    registry = Path("registry.toml").read_text(encoding="utf-8")
    other = registry.replace("[set]", "[other]").replace("[[set.", "[[other.")
    profiles = ('profiles = ["photos", "book"]', 'profiles = ["book"]')
    pairs = zip((registry, other), profiles, strict=True)
    texts = [text.replace("licence", f"{line}\nlicence") for text, line in pairs]
    Path("registry.toml").write_text("\n".join(texts), encoding="utf-8")
    assert run("--profile", "photos") == 0
    assert capsys.readouterr().out.startswith("to fetch: 300kB (set 300kB)\n")
    assert [path.name for path in Path("data").iterdir() if path.is_dir()] == ["set"]
    assert run("--profile", "book") == 0
    assert capsys.readouterr().out.startswith("to fetch: 300kB (other 300kB)\n")
    assert run("--profile", "book") == 0
    assert capsys.readouterr().out.startswith("to fetch: nothing")
    assert_fails(capsys, "needed for the profile foto, but for: photos", arguments=["--profile", "foto"], status=2)


@pytest.mark.parametrize("profile", PROFILES[1:])
def test_the_projects_registry_knows_what_a_profile_needs(profile):
    sets = load_registry(download_data.DATA / "registry.toml").values()
    needed = {item.name: item for item in sets if profile in item.profiles}
    assert {"oxford-pets", "dogs-vs-cats", "pictures", "weights"} <= needed.keys()
    assert sum(file.size for item in needed.values() for file in item.files) < 1.9e9


def test_kaggles_file_is_taken_from_the_readers_folder(capsys):
    options = ["dogs-vs-cats-kaggle", "--dest", "data"]
    assert download_data.main(options) == 1
    assert "kaggle competitions download -c dogs-vs-cats" in capsys.readouterr().err
    Path("mine").mkdir()
    write_archive("mine/train.zip", {"train/cat.0.jpg": CONTENT, "train/dog.0.jpg": OTHER})
    assert download_data.main([*options, "--mirror", "mine"]) == 0
    assert Path("data/dogs-vs-cats/train/dog.0.jpg").read_bytes() == OTHER
    assert "not verified: no published checksum" in capsys.readouterr().out
    assert download_data.main([*options, "--verify"]) == 0
