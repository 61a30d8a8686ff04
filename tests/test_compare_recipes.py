"""Ways to train 9.2's network are compared by when it leaves "all background"."""

import json
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import compare_recipes
import sample_pets
from helpers.lessons import load_lesson

MASKS = np.tile(np.array([0, 1, 1, 1], "uint8").reshape(1, 2, 2, 1), (8, 1, 1, 1))


@pytest.mark.parametrize(
    ("right", "left"),
    [("00000", None), ("00111", 30), ("01011", None), ("0101110", 40), ("11", None)],
)
def test_background_is_left_when_three_looks_say_so(right, left):
    lesson = SimpleNamespace(train_input_imgs=MASKS, train_targets=MASKS, val_input_imgs=MASKS, val_targets=MASKS)
    lesson.BATCH_SIZE = 3
    lesson.segmentation_scores = load_lesson("9_2_image_segmentation").segmentation_scores
    looks = iter(right)
    lesson.predict_masks = lambda model, pictures: MASKS if next(looks) == "1" else np.ones_like(MASKS)
    model = SimpleNamespace(train_on_batch=lambda pictures, masks: 0.5)
    seen = compare_recipes.train(lesson, model, 10 * len(right))
    assert seen["left"] == left
    assert seen["steps"] == [10 * (1 + look) for look in range(len(seen["steps"]))]
    assert set(seen["loss"]) == {0.5}


def test_no_training_is_made_twice_and_no_other_pictures_are_mixed_in(tmp_path, monkeypatch, capsys):
    sample_pets.write_sample_pets(tmp_path / "oxford-pets", count=8, workers=1)
    monkeypatch.setattr(compare_recipes, "EVERY", 1)
    monkeypatch.setattr(compare_recipes, "load_lesson", partial(load_lesson, VALIDATION=5))
    out = tmp_path / "results.json"
    call = ["--data", str(tmp_path), "--out", str(out), "--seeds", "1", "--steps", "2"]
    assert compare_recipes.main([*call, "--size", "8"]) == 0
    written = json.loads(out.read_text())
    assert all(len(seeds["1"]["mean_iou"]) == 2 for seeds in written["trainings"].values())
    assert len(written["trainings"]) == 4
    monkeypatch.delattr(compare_recipes, "train")
    assert compare_recipes.main([*call, "--size", "8"]) == 0
    with pytest.raises(SystemExit, match="2"):
        compare_recipes.main([*call, "--size", "16"])
    assert "results of other pictures" in capsys.readouterr().err
