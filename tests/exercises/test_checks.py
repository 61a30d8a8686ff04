"""The checks of the exercises know right answers, and tell typical wrong ones what is wrong."""

import functools

import pytest
from keras import layers

from answers import architectures, interpreting, segmentation
from helpers.lessons import load_lesson

MODULES = {"9_2_solutions": segmentation, "9_3_solutions": architectures, "9_4_solutions": interpreting}
RIGHT = [(stem, check, name) for stem, module in MODULES.items() for name, (check, _) in module.ANSWERS.items()]
WRONG = [
    pytest.param(check, *wrong, id=f"{name}: {mistake}")
    for module in MODULES.values()
    for name, (check, wrongs) in module.ANSWERS.items()
    for mistake, wrong in wrongs.items()
]


@functools.cache
def load_solutions(stem):
    """Return the solutions of a notebook; a definition each."""
    return load_lesson(stem)


@pytest.mark.parametrize(("stem", "check", "name"), RIGHT)
def test_a_right_answer_is_right(stem, check, name, capsys):
    assert check(getattr(load_solutions(stem), name))
    assert capsys.readouterr().out == "Right.\n"


def test_a_relu_may_be_a_layer_of_its_own():
    assert architectures.checks.check_he_stack(
        lambda depth, width: architectures.stack(depth, width, relu=lambda _: layers.ReLU())
    )


@pytest.mark.parametrize(("check", "answer", "why"), WRONG)
def test_a_wrong_answer_is_told_why(check, answer, why, capsys):
    assert not check(answer)
    told = capsys.readouterr().out
    assert told.startswith("Not yet: ")
    assert why in told


@pytest.mark.parametrize("module", MODULES.values())
def test_each_check_meets_three_wrong_answers_at_least(module):
    assert all(len(wrongs) >= 3 for _, wrongs in module.ANSWERS.values())
