"""Grad-CAM for a Keras network of one's own: this file can be copied, it needs Keras, NumPy and TensorFlow alone.

    features, head = split_at(model)  # where everything passes the last maps
    maps = grad_cam(features, head, pictures, class_score(3))  # (N, height, width), below 0 where against class 3

`Sequential` and functional models work, with other models in them, several inputs or several outputs.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops, tree

TO_PROBABILITIES = keras.activations.softmax, keras.activations.sigmoid
FORMS = layers.Reshape | layers.Flatten | layers.Permute | layers.Dropout | layers.Identity  # keep numbers as they are


def grad_cam(features: keras.Model, head: keras.Model, inputs, score: Callable) -> np.ndarray:
    """Return what in each picture speaks for a score: raw maps, float32 (N, height, width), below 0 if against.

    `features` and `head` are the halves of a network from `split_at`. `inputs` is what the network takes: pictures
    (N, height, width, channels), or with several inputs a list or a dict of arrays. `score` takes the head's answer to
    a number for each picture, (N,): see `class_score`.
    Source: R. Selvaraju et al., Grad-CAM, ICCV 2017, without the final relu.
    """
    names = [tensor.name for tensor in features.inputs]
    arrays = [inputs[name] for name in names] if isinstance(inputs, dict) else inputs
    arrays = arrays if isinstance(arrays, list | tuple) else [arrays]
    others = [ops.convert_to_tensor(arrays[names.index(tensor.name)]) for tensor in head.inputs[1:]]
    maps = ops.convert_to_tensor(features.predict_on_batch(_unpack(arrays)), "float32")
    with tf.GradientTape() as tape:
        tape.watch(maps)
        scores = score(head(_unpack([maps, *others]), training=False))
    weights = ops.mean(tape.gradient(scores, maps), axis=(1, 2), keepdims=True)  # of each picture: not over the batch
    return ops.convert_to_numpy(ops.mean(weights * maps, axis=-1))


def class_score(index: int | Sequence[int]) -> Callable:
    """Return the score of a class, or of one class per picture (N,): from logits (N, classes) to numbers (N,).

    Logits (N, 1) are those of class 1 of two; class 0 has the opposite. Raises ValueError, when it is called, if there
    is no such class.
    """

    def score(logits):
        classes = max(logits.shape[-1], 2)
        if np.min(index) < 0 or np.max(index) >= classes:
            raise ValueError(f"class {index}; expected 0 to {classes - 1}, for the network has {classes} classes")
        if logits.shape[-1] == 1:
            return logits[:, 0] * (2.0 * ops.cast(index, logits.dtype) - 1)
        return ops.sum(logits * ops.one_hot(index, classes, dtype=logits.dtype), axis=-1)

    return score


def split_at(
    model: keras.Model, layer: int | str = 2, output: int | str | None = None, logits: bool = True
) -> tuple[keras.Model, keras.Model]:
    """Return two models that share a model's layers: from its inputs to maps, and from the maps to its answer.

    Args:
        model: a functional or `Sequential` model, built.
        layer: name of the layer whose maps to take, "base/out_relu" if it is in the model "base" in the model; or the
            least number of rows: the last maps that have so many.
        output: which of several outputs the second model gives, by its number or its name.
        logits: whether to leave out the softmax or sigmoid before the output.

    Returns:
        The second model takes the maps and, if the first leaves some, the other inputs after them.

    Raises:
        ValueError: the model has no such layer, or some of the signal goes around it; it has several outputs and none
            is named; it is not functional; or it has no maps from a convolution.
    """
    graph = _Graph(model)
    target = graph.choose_output(output)
    cuts = graph.find_cuts(target)
    maps = cuts[_choose(cuts, layer)]
    answer = graph.find_logits(target) if logits else target
    used = graph.inputs_of(maps)
    others = [tensor for tensor in graph.inputs if id(tensor) not in used]
    return keras.Model(_unpack(graph.inputs), maps), keras.Model(_unpack([maps, *others]), answer)


def choose_layer(model: keras.Model, layer: int | str = 2, output: int | str | None = None) -> str:
    """Return the name of the layer at which `split_at` cuts for the same arguments; raises ValueError as it does."""
    graph = _Graph(model)
    return _choose(graph.find_cuts(graph.choose_output(output)), layer)


def last_of_each_size(model: keras.Model, output: int | str | None = None) -> dict[int, str]:
    """Return for each size of maps, in rows, from small to large, the last layer of it at which `split_at` can cut.

    Maps of one row, of the input's size and of no fixed size are left out.
    """
    graph = _Graph(model)
    sizes = {}
    for name, maps in graph.find_cuts(graph.choose_output(output)).items():
        if not isinstance(graph.steps[name].layer, layers.ZeroPadding2D):
            sizes.setdefault(maps.shape[1], name)
    pictures = [tensor.shape[1] for tensor in graph.inputs if len(tensor.shape) == 4]
    return {size: sizes[size] for size in sorted(set(sizes) - {None}) if size > 1 and size not in pictures}


def to_logits(model: keras.Model, output: int | str | None = None) -> keras.Model:
    """Return a model with one of a model's outputs, without the softmax or sigmoid before it if there is one.

    The layers are shared, but one that has its activation built in is copied with its weights.
    """
    graph = _Graph(model)
    return keras.Model(_unpack(graph.inputs), graph.find_logits(graph.choose_output(output)))


class _Step(NamedTuple):
    layer: keras.Operation
    inputs: list
    outputs: list


class _Graph:
    """The layers of a model as steps in their order; the models in it that have convolutions are unfolded."""

    def __init__(self, model):
        if not _is_graph(model):
            found = ", ".join(layer.name for layer in model.layers)
            raise ValueError(
                f"{model.name} is a subclassed model, with the layers {found}, and how they are connected is unknown; "
                "expected keras.Sequential or keras.Model(inputs, outputs)"
            )
        if isinstance(model, keras.Sequential) and not model.built:
            raise ValueError(f"{model.name} is not built; begin it with keras.Input, or call it on a picture first")
        self.steps, self.inputs = {}, model.inputs
        self.output_names = keras.Model(model.inputs, model.outputs).output_names
        self.names_inside = list(_names_inside(model))
        self.outputs = self._unfold(model, self.inputs, "")
        self.makers = {id(tensor): step for step in self.steps.values() for tensor in step.outputs}

    def _unfold(self, model, inputs, folder):
        """Note the steps from inputs to a model's outputs, a list; call layers again that get another input."""
        ends = [layers.Identity() for _ in model.outputs]
        plain = keras.Model(model.inputs, [end(tensor) for end, tensor in zip(ends, model.outputs, strict=True)])
        outputs_of_model = {}

        def follow(layer, *args, **kwargs):
            if layer in ends:
                outputs_of_model[ends.index(layer)] = args[0]
                return args[0]
            given = [value for value in tree.flatten((args, kwargs)) if isinstance(value, keras.KerasTensor)]
            if _is_graph(layer) and _is_convolution(layer):
                outputs = self._unfold(layer, given, f"{folder}{layer.name}/")
                return tree.pack_sequence_as(layer.output, outputs)
            if list(map(id, given)) == list(map(id, tree.flatten(layer.input))):
                outputs = layer.output
            else:
                again = layer
                if folder and self.names_inside.count(layer.name) > 1:  # Keras wants a name of its own for each layer
                    name = f"{folder}{layer.name}".replace("/", "_")
                    again = layers.Lambda(lambda *tensors, **options: layer(*tensors, **options), name=name)
                outputs = again(*args, **kwargs)
            name = f"{folder}{layer.name}"
            while name in self.steps:  # a layer that is used several times
                name += "'"
            self.steps[name] = _Step(layer, given, tree.flatten(outputs))
            return outputs

        keras.models.clone_model(plain, inputs, lambda layer: layer, call_function=follow)
        return [outputs_of_model[number] for number in range(len(ends))]

    def choose_output(self, output):
        """Return the tensor of an output by its number or name; the only one by None."""
        if output is None and len(self.outputs) == 1:
            return self.outputs[0]
        if output in self.output_names:
            return self.outputs[self.output_names.index(output)]
        if isinstance(output, int) and 0 <= output < len(self.outputs):
            return self.outputs[output]
        known = ", ".join(f"{number} or {name!r}" for number, name in enumerate(self.output_names))
        raise ValueError(f"output {output}; expected one of the model's outputs: {known}")

    def inputs_of(self, tensor):
        """Return the ids of the tensors from which a tensor is computed, itself included."""
        needed = {id(tensor)}
        for step in reversed(self.steps.values()):
            if not needed.isdisjoint(map(id, step.outputs)):
                needed.update(map(id, step.inputs))
        return needed

    def find_cuts(self, target):
        """Return layers' names and their maps (N, height, width, channels), the last first, that all signal passes."""
        convolved, maps, needed = set(), {}, self.inputs_of(target)
        for name, step in self.steps.items():
            if _is_convolution(step.layer) or not convolved.isdisjoint(map(id, step.inputs)):
                convolved.update(map(id, step.outputs))
                if len(step.outputs) == 1 and len(step.outputs[0].shape) == 4 and id(step.outputs[0]) in needed:
                    maps[name] = step.outputs[0]
        cuts = {name: maps[name] for name in reversed(maps) if not self._goes_around(maps[name], target)}
        if not cuts:
            shapes = ", ".join(f"{name} {step.outputs[0].shape}" for name, step in self.steps.items())
            raise ValueError(
                "Grad-CAM needs a layer with maps (N, height, width, channels) from a convolution that all of the "
                f"signal passes; found {shapes}"
            )
        return cuts

    def _goes_around(self, maps, target):
        used = self.inputs_of(maps)
        reached = {id(tensor) for tensor in self.inputs if id(tensor) in used}
        for step in self.steps.values():
            if id(maps) not in map(id, step.outputs) and not reached.isdisjoint(map(id, step.inputs)):
                reached.update(map(id, step.outputs))
        return id(target) in reached

    def find_logits(self, target):
        """Return a tensor like `target` from before the softmax or sigmoid; `target` if there is none."""
        step, forms = self.makers[id(target)], []
        while isinstance(step.layer, FORMS) or getattr(step.layer, "activation", None) is keras.activations.linear:
            if step.layer.weights or id(step.inputs[0]) not in self.makers:
                return target
            forms.append(step.layer)
            step = self.makers[id(step.inputs[0])]
        if getattr(step.layer, "activation", None) in TO_PROBABILITIES:
            logits = step.inputs[0] if isinstance(step.layer, layers.Activation) else _without_activation(step)
        elif type(step.layer).__name__ in ("Softmax", "Sigmoid"):  # a layer, or an operation of keras.ops
            logits = step.inputs[0]
        else:
            return target
        for form in reversed(forms):
            logits = form(logits)
        return logits


def _choose(cuts, layer):
    if isinstance(layer, str):
        if layer not in cuts:
            raise ValueError(
                f"{layer!r} is no layer with maps that all of the signal passes; expected one of {', '.join(cuts)}"
            )
        return layer
    rows = {name: maps.shape[1] or layer for name, maps in cuts.items()}  # if the size is not fixed: large enough
    if layer > max(rows.values()):
        raise ValueError(f"no maps have {layer} rows; expected at most {max(rows.values())}, the largest maps")
    return next(name for name, count in rows.items() if count >= layer)


def _without_activation(step):
    config = step.layer.get_config() | {"name": f"{step.layer.name}_logits", "activation": "linear"}
    linear = type(step.layer).from_config(config)
    logits = linear(step.inputs[0])
    linear.set_weights(step.layer.get_weights())
    return logits


def _unpack(values):
    return values[0] if len(values) == 1 else values


def _names_inside(model):
    for layer in model.layers:
        yield layer.name
        yield from _names_inside(layer) if _is_graph(layer) else ()


def _is_graph(layer):
    return isinstance(layer, keras.Sequential) or (isinstance(layer, keras.Model) and hasattr(layer, "operations"))


def _is_convolution(layer):
    return any(len(weight.shape) == 4 for weight in getattr(layer, "weights", ()))
