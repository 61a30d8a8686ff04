"""What the book claims is compared with results of the book's scale, and with no others."""

import json

import pytest

import check_claims

SOUND = {
    "9_2": {
        "history": {
            "val_loss": [1 - 0.01 * epoch for epoch in range(25)] + [0.8 + 0.01 * epoch for epoch in range(25)]
        },
        "iou_animal": 0.75,
    },
    "9_3": {"test_accuracy_mini_xception": 0.9, "test_accuracy_baseline": 0.84},
    "9_4": {
        "top_classes": [
            ["n02504458", "African_elephant", 0.8699],
            ["n01871265", "tusker", 0.08],
            ["n0", "Indian_elephant", 0.02],
        ],
        "top_class_index": 386,
        "backbone": "Xception",
        "silent_channels": {"conv2d": 0.1, "max_pooling2d": 0.1, "conv2d_1": 0.5},
    },
}
WRONG = [
    ("C-5", "9_2", {"history": {"val_loss": [0.5, 0.6, 0.7]}}, "here: 1"),
    ("C-14", "9_3", {"test_accuracy_mini_xception": 0.85}, "here: 0.85"),
    ("C-14", "9_3", {"test_accuracy_baseline": 0.9}, "here: 0.9"),
    (
        "C-19",
        "9_4",
        {"top_classes": [["n0", "tusker", 0.87], ["n1", "African_elephant", 0.08], ["n2", "Indian_elephant", 0.02]]},
        "tusker",
    ),
    (
        "C-19",
        "9_4",
        {"top_classes": [["n0", "African_elephant", 0.5], ["n1", "tusker", 0.08], ["n2", "Indian_elephant", 0.02]]},
        "0.5",
    ),
    ("C-20", "9_4", {"top_class_index": 385}, "here: 385"),
    ("C-6", "9_2", {"iou_animal": 0.65}, "here: 0.65"),
    ("C-17", "9_4", {"silent_channels": {"conv2d": 0.5, "conv2d_1": 0.2}}, "[0.5, 0.2]"),
]
OPEN = [
    (["C-5", "C-6"], "9_2", {"profile": "sample"}, "9_2 has not run with --profile book"),
    (["C-20"], "9_4", {"top_class_index": None}, "no top_class_index (your run"),
    (["C-19", "C-20"], "9_4", {"backbone": "MobileNetV2"}, "of MobileNetV2 (your run"),
]


@pytest.fixture(autouse=True)
def nothing_stored(monkeypatch, tmp_path):
    monkeypatch.setattr(check_claims, "MEASUREMENTS", tmp_path / "none")


def table(folder, capsys, results):
    """Write results; return the exit status and the lines of the table by claim and verdict."""
    for section, values in results.items():
        kept = {name: value for name, value in {"profile": "book", **values}.items() if value is not None}
        (folder / f"{section}.json").write_text(json.dumps(kept))
    status = check_claims.main(["--results", str(folder)])
    return status, capsys.readouterr().out.splitlines()


def test_sound_results_hold(tmp_path, capsys):
    status, lines = table(tmp_path, capsys, SOUND)
    assert status == 0
    assert [line.split()[:2] for line in lines] == [[claim.number, "holds"] for claim in check_claims.CLAIMS]
    assert "here: 25" in lines[0]


@pytest.mark.parametrize(("number", "section", "change", "found"), WRONG)
def test_other_results_fail(tmp_path, capsys, number, section, change, found):
    status, lines = table(tmp_path, capsys, SOUND | {section: SOUND[section] | change})
    assert status == 1
    failed = [line for line in lines if line.split()[1] != "holds"]
    assert failed[0].startswith(f"{number:5} FAILS")
    assert found in failed[0]
    assert len(failed) == 1


@pytest.mark.parametrize(("numbers", "section", "change", "found"), OPEN)
def test_what_was_not_measured_is_open(tmp_path, capsys, numbers, section, change, found):
    status, lines = table(tmp_path, capsys, SOUND | {section: SOUND[section] | change})
    assert status == 1
    left = [line for line in lines if line.split()[1] != "holds"]
    assert [line.split()[:2] for line in left] == [[number, "open"] for number in numbers]
    assert all(found in line for line in left)


def test_stored_results_stand_in_for_a_run(tmp_path, capsys, monkeypatch):
    stored = SOUND["9_2"] | {"profile": "book", "run": {"date": "2026-11-27"}}
    (tmp_path / "9_2_book.json").write_text(json.dumps(stored))
    monkeypatch.setattr(check_claims, "MEASUREMENTS", tmp_path)
    for own, told in (({"9_2": {"profile": "photos"}}, "stored, 2026-11-27"), ({"9_2": SOUND["9_2"]}, "your run")):
        _, lines = table(tmp_path, capsys, own)
        assert "here: 25" in lines[0]
        assert told in lines[0]
