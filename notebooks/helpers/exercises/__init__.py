"""Checks of answers to the exercises: each says what is wrong, in the field's words, and does not tell the answer."""

import functools

import keras


class WrongError(Exception):
    """An answer is not right; the message says what was found and what was expected."""


def expect(is_right, message):
    """Raise a WrongError with a message unless something is right."""
    if not is_right:
        raise WrongError(message)


def call(function, *values):
    """Return what the reader's function gives for some values; a WrongError if it raises an error or gives nothing."""
    name = getattr(function, "__name__", "the function")
    try:
        answer = function(*values)
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        message = f"{name} raises {type(error).__name__}: {said} (to see where, call it yourself)"
        raise WrongError(message) from error
    expect(answer is not None, f"{name} returns nothing so far")
    return answer


def count_relus(model):
    """Return how many relus a model has, as activations of other layers or as layers."""
    relu, kind = keras.activations.relu, keras.layers.ReLU
    return sum(isinstance(layer, kind) or getattr(layer, "activation", None) is relu for layer in model.layers)


def exercise(check):
    """Let a check print what it thinks of an answer, and return whether the answer is right, a bool."""

    @functools.wraps(check)
    def judge(*answer):
        try:
            check(*answer)
        except WrongError as wrong:
            print(f"Not yet: {wrong}" + "." * (not str(wrong).endswith("?")))
            return False
        print("Right.")
        return True

    return judge
