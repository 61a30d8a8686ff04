"""Which notebooks run, and which values their knobs get."""

import re
from pathlib import Path

import pytest

from machinery.runner.choosing import check_names, choose_notebooks, parse_value
from small_notebooks import FINE, LESSON, write_notebooks

LITERALS = {
    "64": 64,
    "-1": -1,
    "1e-3": 1e-3,
    "True": True,
    "false": False,
    "None": None,
    "(96, 128)": (96, 128),
    "{1: 'a'}": {1: "a"},
}
TEXTS = {text: text for text in ("mixed7", "", "2024-01-02", "https://example.org/cat.jpg")}


@pytest.fixture
def folder(tmp_path):
    return write_notebooks(tmp_path / "notebooks", {"9_1_shapes": LESSON, "9_2_last": FINE, "helper": "x = 1\n"})


def test_prefixes_choose(folder):
    assert list(choose_notebooks(folder, [])) == ["9_1_shapes", "9_2_last"]
    assert list(choose_notebooks(folder, ["9_2"])) == ["9_2_last"]
    assert list(choose_notebooks(folder, ["9_2", "9_1_sh"])) == ["9_1_shapes", "9_2_last"]
    with pytest.raises(LookupError, match="9_1_shapes\n  9_2_last"):
        choose_notebooks(folder, ["9_1", "9_3"])


def test_exercises_come_last_and_only_if_wanted(folder):
    write_notebooks(folder / "exercises", {"9_1_solutions": FINE})
    (folder / "exercises" / "9_1_exercises.ipynb").touch()  # made of the other
    assert list(choose_notebooks(folder, [])) == ["9_1_shapes", "9_2_last", "9_1_solutions"]
    assert list(choose_notebooks(folder, ["9_1"])) == ["9_1_shapes", "9_1_solutions"]
    assert list(choose_notebooks(folder, [], exercises=False)) == ["9_1_shapes", "9_2_last"]


def test_unknown_knob_lists_the_knobs(folder):
    with pytest.raises(LookupError) as failure:
        check_names(["EPOCS", "SHAPE"], choose_notebooks(folder, []))
    message = str(failure.value)
    assert "no knob EPOCS; did you mean EPOCHS?" in message
    assert re.search(r"EPOCHS = knob\(sample=12, book=50\) +# passes, größer is better", message)
    assert re.search(r"FOLDER = \['a', 'b'\] +# two folders", message)
    assert "9_2_last has none" in message


@pytest.mark.parametrize(("text", "value"), (LITERALS | TEXTS | {"'64'": "64"}).items())
def test_values_are_literals_or_text(text, value):
    parsed = parse_value(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_paths_are_relative_to_where_they_are_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cat.jpg").touch()
    assert parse_value("cat.jpg") == str(tmp_path / "cat.jpg")
    assert parse_value("dog.jpg") == "dog.jpg"  # neither there nor in a folder
    assert parse_value("base/out_relu", "CAM_LAYER") == "base/out_relu"  # a layer of a network in the network
    assert parse_value("made/later") == str(tmp_path / "made" / "later")
    assert parse_value("../up") == str(tmp_path.parent / "up")
    assert parse_value(str(tmp_path)) == str(tmp_path)
    assert parse_value("['cat.jpg', 'dog']") == [str(tmp_path / "cat.jpg"), "dog"]
