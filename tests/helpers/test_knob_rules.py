"""A value that a knob cannot have is refused by the knob's name."""

from unittest import mock

import pytest
from IPython.core.interactiveshell import InteractiveShell

from helpers.knobs import EVERYWHERE, KNOB_TAGS, PROFILES, RELATIONS, RULES, check_knobs, find_knobs
from helpers.lessons import is_tagged, load_lesson, read_lesson
from machinery.runner.choosing import check_values, set_knobs
from notebook_source import STEMS

NUMBERS = (0, -1, 2.5, 100.0, "64", "many", None, True, float("nan"), (64, 64))
REFUSED = {
    "9_2": {
        **{name: NUMBERS for name in ("EPOCHS", "BATCH_SIZE", "PICTURES", "VALIDATION", "IMAGE_SIZE", "DOT_EPOCHS")},
        **{"DEVICES": NUMBERS, "FILTERS": (64, (), [], (0,), (8.0,), "64", None), "DECAY": ("maybe", 0, 1, None)},
        **{"SEED": (-1, "lucky", 1.5, None), "LEARNING_RATE": (0, -0.1, "fast", None, float("inf"), float("nan"))},
        **{"SHOWN_PICTURE": (-1, 1.0), "SHOWN_PREDICTION": (-1, "x"), "PRECISION": ("float8", 32), "DATA": ("", 5)},
        "CLASS_NAMES": ("animal", ("animal",), (), ("a", "a"), tuple("abcdefghi"), None),
    },
    "9_3": {
        **{"PICTURES": (100, (1, 2), (1, 2, 0), (1, 2, 3, 4)), "MOMENTUM": (-0.1, 1.1, "0.9"), "ROTATION": (2, -1)},
        **{"DEPTHS": (4, ()), "ABLATION_SEEDS": NUMBERS, "ABLATION_SIZE": NUMBERS, "BASELINE_FILTERS": ((), 3)},
    },
    "9_4": {
        **{"CAM_LAYER": (0, "", 1.5, None), "BASE": ("VGG16", ("VGG16",), 1), "OPACITY": (2, -0.1, "half")},
        **{"COLORMAP": ("nonsense", 3), "FILTER_LAYERS": ((), 5), "CLASS": (-1, 1.5, ""), "PICTURE": (-1, None)},
        **{"LESSONS": ("9_2", None), "CHANNELS_SHOWN": (0,), "RATE": (0, "x"), "CROP": (-1,)},
    },
    "9_5": {"TRAININGS": NUMBERS, "SOME": (1, 0.5), "COVERED": NUMBERS, "LESSON": (None,)},
}


def knobs_of(stem):
    return find_knobs("\n".join(cell.source for cell in read_lesson(stem).cells if is_tagged(cell, *KNOB_TAGS)))


@pytest.mark.parametrize("stem", STEMS)
def test_each_knob_has_a_rule_and_each_rule_a_knob(stem):
    knobs, rules = set(knobs_of(stem)), set(RULES[stem[:3]])
    assert knobs <= rules
    assert rules - knobs <= set(EVERYWHERE)
    assert {name for relation in RELATIONS.get(stem[:3], []) for name in relation.names} <= knobs


@pytest.mark.parametrize("profile", PROFILES)
def test_the_notebooks_own_values_are_right(profile, monkeypatch):
    monkeypatch.setenv("PROFILE", profile)
    check_values({stem: read_lesson(stem) for stem in STEMS})


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        (section, name, value)
        for section, knobs in REFUSED.items()
        for name, values in knobs.items()
        for value in values
    ],
)
def test_a_wrong_value_is_told(section, name, value):
    with pytest.raises(ValueError, match=rf"^{name} is ") as failure:
        check_knobs(section, {name: value})
    assert f"{name} is {value!r}; expected " in str(failure.value)


def test_all_wrong_values_are_told_at_once():
    with pytest.raises(ValueError, match=r"FILTERS is 64.*\nEPOCHS is 0") as failure:
        check_knobs("9_3", {"FILTERS": 64, "EPOCHS": 0, "MOMENTUM": 0.9, "another": 3})
    assert len(str(failure.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"IMAGE_SIZE": 68, "FILTERS": [8, 16, 32]}, "IMAGE_SIZE is 68; expected .*with FILTERS"),
        ({"VALIDATION": 24, "PICTURES": 24}, "VALIDATION is 24; expected .*with PICTURES 24"),
        ({"SHOWN_PICTURE": 24, "PICTURES": 24}, "SHOWN_PICTURE is 24"),
        ({"SHOWN_PREDICTION": 8, "VALIDATION": 8}, "SHOWN_PREDICTION is 8"),
        ({"SHOWN_PREDICTION": 8, "VALIDATION": 0}, "^VALIDATION is 0; expected[^\n]*$"),
    ],
)
def test_what_depends_on_another_knob_is_told_with_it(values, told):
    with pytest.raises(ValueError, match=told):
        check_knobs("9_2", values)


def test_the_lessons_that_a_notebook_loads_are_checked():
    with pytest.raises(ValueError, match="EPOCHS is 0"):
        load_lesson("9_2_image_segmentation", EPOCHS=0)


@pytest.mark.parametrize("stem", STEMS)
def test_a_notebook_checks_its_knobs_before_it_uses_them(stem):
    cells = [cell for cell in read_lesson(stem).cells if cell.cell_type == "code"]
    setup = next(number for number, cell in enumerate(cells) if is_tagged(cell, "setup"))
    assert f'watch_knobs("{stem[:3]}", globals())' in cells[setup].source
    assert not [cell for cell in cells[:setup] if not is_tagged(cell, *KNOB_TAGS) and "SEED" in cell.source]


@pytest.fixture
def shell():
    """A notebook whose cells have set some knobs, with VALIDATION in a later cell than PICTURES."""
    shell = InteractiveShell()
    with mock.patch("IPython.get_ipython", return_value=shell):
        for cell in ("EPOCHS, PICTURES = 1, 40", SETUP, "VALIDATION = 8", SETUP):  # the last: run a second time
            shell.run_cell(cell).raise_error()
        yield shell


SETUP = "from helpers.knobs import watch_knobs\nwatch_knobs('9_2', globals())"


def test_the_first_cells_are_checked_in_the_setup_cell():
    shell = InteractiveShell()
    shell.user_ns["EPOCHS"] = 0
    with (
        mock.patch("IPython.get_ipython", return_value=shell),
        pytest.raises(ValueError, match="EPOCHS is 0; expected"),
    ):
        shell.run_cell(SETUP).raise_error()


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("EPOCHS = 0", "EPOCHS is 0"),
        ("PICTURES = 20\nEPOCHS = 0\nother = 5", "EPOCHS is 0"),
        ("VALIDATION = 40", "VALIDATION is 40; expected fewer than the PICTURES"),
    ],
)
def test_what_cells_set_is_checked_before_the_next(shell, cell, told):
    shell.run_cell(cell).raise_error()
    with pytest.raises(ValueError, match=told):
        shell.run_cell("done = True").raise_error()
    assert "done" not in shell.user_ns


def test_the_last_of_two_values_counts(shell):  # the runner adds a cell with the values from the command line
    for cell in ("VALIDATION = 400", "VALIDATION = 4", "1"):
        shell.run_cell(cell).raise_error()


@pytest.mark.parametrize("cell", ["PICTURES = 5", "OTHER = 0", "epochs = 0", "def f():\n    EPOCHS = 0"])
def test_a_cell_is_not_blamed_for_others(shell, cell):  # PICTURES 5: the cell that sets VALIDATION comes later
    shell.run_cell(cell).raise_error()
    result = shell.run_cell("7")
    assert (result.success, result.result) == (True, 7)
    assert len(shell.ast_transformers) == 1


def test_values_from_the_command_line_are_checked():
    notebooks = {stem: set_knobs(read_lesson(stem), {"ABLATION_EPOCHS": 0}) for stem in STEMS}
    with pytest.raises(ValueError, match=r"^9_3_convnet_architectures: ABLATION_EPOCHS is 0; expected a whole number"):
        check_values(notebooks)
