"""Where a classifier can be cut in two, and the same classifier without the softmax or sigmoid at its end."""

from collections.abc import Iterator

import keras
from keras import layers


def to_logits(model: keras.Model) -> keras.Model:
    """Return a model that shares a classifier's layers but leaves out the softmax or sigmoid at its end."""
    last = model.layers[-1]
    if not last.weights:  # the activation is a layer of its own
        return keras.Model(model.input, last.input)
    linear = type(last).from_config(last.get_config() | {"name": f"{last.name}_logits", "activation": "linear"})
    logits = linear(last.input)
    linear.set_weights(last.get_weights())
    return keras.Model(model.input, logits)


def cut_points(model: keras.Model) -> Iterator[str]:
    """Yield the names of the layers at whose maps a model can be cut in two, from the last to the first."""
    for layer in reversed(model.layers[1:]):
        if _is_cut(layer, model):
            yield layer.name


def choose_layer(model: keras.Model, choice: int | str) -> str:
    """Return the name of a layer at whose maps a model can be cut: the last with so many rows at least, or that name.

    Raises ValueError if there is no such layer, or if some of the signal goes around it.
    """
    if isinstance(choice, str):
        split_at(model, choice)
        return choice
    sizes = {name: model.get_layer(name).output.shape[1] for name in cut_points(model)}
    if choice > max(sizes.values()):
        raise ValueError(f"no maps have {choice} rows; expected at most {max(sizes.values())}, the largest maps")
    return next(name for name, size in sizes.items() if size >= choice)


def split_at(model: keras.Model, layer_name: str) -> tuple[keras.Model, keras.Model]:
    """Return two models that share a model's layers: from its input to a layer's output, and from there on.

    Raises ValueError as `choose_layer` does.
    """
    layer = next((layer for layer in model.layers if layer.name == layer_name), None)
    if layer is None or not _is_cut(layer, model):
        usable = ", ".join(cut_points(model))
        raise ValueError(
            f"{layer_name!r} is no layer with maps that all of the signal passes; expected one of {usable}"
        )
    return keras.Model(model.input, layer.output), keras.Model(layer.output, model.output)


def last_of_each_size(model: keras.Model) -> dict[int, str]:
    """Return for each size of maps, in rows, from small to large, the last layer of it at which a model can be cut.

    Maps of one row and of the input's size are left out.
    """
    sizes = {}
    for name in cut_points(model):
        if not isinstance(model.get_layer(name), layers.ZeroPadding2D):
            sizes.setdefault(model.get_layer(name).output.shape[1], name)
    return {size: name for size, name in sorted(sizes.items()) if 1 < size < model.input.shape[1]}


def _is_cut(layer, model):
    if isinstance(layer.output, list) or len(layer.output.shape) != 4:
        return False
    try:
        keras.Model(layer.output, model.output)
    except ValueError:  # Keras finds that the output needs more than these maps: something passes by
        return False
    return True
