"""scripts/download_data.py with the project's own registry, and with a name that is in none."""

from pathlib import Path

import download_data
from trial_data import CONTENT, OTHER, assert_fails, write_archive, write_registry


def test_an_unknown_set_names_the_known_ones(capsys):
    write_registry("x")
    assert_fails(capsys, "no data set sett. There are: set", arguments=["sett"], status=2)


def test_the_projects_registry_is_listed(capsys):
    assert download_data.main(["--list"]) == 0
    told = capsys.readouterr().out
    for word in ("oxford-pets", "dogs-vs-cats-kaggle", "kaggle competitions download", "CC BY-SA 4.0", "792MB"):
        assert word in told


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
