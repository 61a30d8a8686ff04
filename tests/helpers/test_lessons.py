"""What one notebook takes from another."""

import json

import numpy as np
import pytest

import sample_pets
from helpers.lessons import changed_knobs, load_lesson, note_knobs

ARCHITECTURES = "9_3_convnet_architectures"
SMALLEST = {"PICTURES": (12, 4, 4), "IMAGE_SIZE": 24, "FILTERS": (2, 4), "BASELINE_FILTERS": (2, 4), "EPOCHS": 1}


def test_definitions_and_knobs_are_there_and_nothing_ran(monkeypatch):
    monkeypatch.setenv("PROFILE", "book")
    lesson = load_lesson(ARCHITECTURES)
    assert lesson.build_baseline(180).count_params() == 991_041
    assert (lesson.IMAGE_SIZE, lesson.EPOCHS) == (180, 100)
    assert not {"MODELS", "pictures", "mini_xception"} & vars(lesson).keys()


def test_a_knob_given_decides_the_others():
    lesson = load_lesson(ARCHITECTURES, PROFILE="book", EPOCHS=3)
    assert (lesson.PROFILE, lesson.IMAGE_SIZE, lesson.EPOCHS) == ("book", 180, 3)
    assert load_lesson(ARCHITECTURES, PROFILE="sample").IMAGE_SIZE == 96


def test_unknown_knobs_and_tags_are_refused():
    with pytest.raises(LookupError, match=r"9_3_convnet_architectures has no knob EPOCS"):
        load_lesson(ARCHITECTURES, EPOCS=3)
    with pytest.raises(LookupError, match=r"9_3_convnet_architectures has no cell tagged step-9\.3-8"):
        load_lesson(ARCHITECTURES, run=["step-9.3-8"])


def test_another_notebook_gets_the_trained_networks_and_trains_them_once(tmp_path, monkeypatch):
    sample_pets.write_sample_pets(tmp_path / "dogs-vs-cats", count=40, portraits=1.0, layout="kaggle", workers=1)
    knobs = SMALLEST | {"PROFILE": "book", "DATA": str(tmp_path), "BUILD": str(tmp_path / "build")}
    first = load_lesson(ARCHITECTURES, ["setup", "step-9.3-4", "step-9.3-7"], **knobs)
    monkeypatch.setattr(first.keras.Model, "train_step", None)  # a second training would fail
    second = load_lesson(ARCHITECTURES, ["setup", "step-9.3-4", "step-9.3-7"], **knobs)
    for name in ("mini_xception", "baseline"):
        assert getattr(first, f"{name}_history") == getattr(second, f"{name}_history")
        for one, other in zip(getattr(first, name).get_weights(), getattr(second, name).get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    kept = {path.name for path in (tmp_path / "build").rglob("*.keras")}
    assert kept == {"convnet_from_scratch_with_augmentation.keras", "mini_xception.keras"}


def test_the_knobs_of_the_last_run_are_noted(tmp_path):
    note, own = tmp_path / "models" / "9_3.json", load_lesson(ARCHITECTURES, PROFILE="sample")
    assert changed_knobs(note, ARCHITECTURES, PROFILE="sample") == {}
    note_knobs(note, ARCHITECTURES, vars(own))
    assert changed_knobs(note, ARCHITECTURES, PROFILE="sample") == {}
    changes = {"EPOCHS": 8, "FILTERS": (2, 4), "ABLATION_SEEDS": 1}
    note_knobs(note, ARCHITECTURES, vars(own) | changes | {"DATA": "elsewhere", "CLASS_NAMES": ("a", "b")})
    assert changed_knobs(note, ARCHITECTURES, PROFILE="sample") == changes
    assert load_lesson(ARCHITECTURES, PROFILE="sample", **changes).ABLATION_SEEDS == 1
    note_knobs(note, ARCHITECTURES, {"EPOCHS": 8})  # before the cells of the others
    assert changed_knobs(note, ARCHITECTURES, PROFILE="sample") == {"EPOCHS": 8}
    note.write_text(json.dumps({"EPOCHS": 8, "OF_ANOTHER_VERSION": 1}))
    assert changed_knobs(note, ARCHITECTURES, PROFILE="sample") == {"EPOCHS": 8}
    for damaged in (b"", b"[1]", b"\xff", note.read_bytes()[:9]):
        note.write_bytes(damaged)
        assert changed_knobs(note, ARCHITECTURES, PROFILE="sample") == {}
