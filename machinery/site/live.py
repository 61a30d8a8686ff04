"""Writes what the live page needs: two networks of the sample and twelve drawn pets, as one file of JavaScript.

The file assigns to `LIVE`, and has everything in it: pages opened from a disk may not fetch others.
"""

import base64
import io
import json
import os
from pathlib import Path

import numpy as np
from PIL import Image

import sample_pets

from .gathering import ROOT

NETWORKS = ROOT / "docs" / "site" / "networks"  # `masks.keras` of notebook 9.2, `heads.keras` of 9.4
SEED = 25  # none of a lesson: the networks have not seen these pets
IDLE = ("InputLayer", "Dropout", "RandomFlip", "RandomRotation", "RandomZoom", "Sequential")  # when nothing is trained
SETTINGS = {  # of a layer, by its kind: what the page has to know beside the weights
    "Activation": ("activation",),
    "Add": (),
    "AveragePooling2D": ("pool_size", "strides"),
    "BatchNormalization": ("epsilon",),
    "Conv2D": ("strides", "padding", "activation"),
    "Conv2DTranspose": ("strides", "padding", "activation"),
    "Dense": ("activation",),
    "GlobalAveragePooling2D": (),
    "MaxPooling2D": ("pool_size", "strides", "padding"),
    "Rescaling": ("scale",),
    "SeparableConv2D": ("strides", "padding", "activation"),
}


def write_live_data() -> str:
    """Return the text of the file of JavaScript."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import matplotlib as mpl

    from helpers.plots import CLASS_COLORS

    magma = (255 * mpl.colormaps["magma"](np.arange(256))[:, :3]).round().astype(int)
    live = {
        "networks": {name: describe_network(load_network(NETWORKS / f"{name}.keras")) for name in ("masks", "heads")},
        "pets": [draw_pet(number) for number in range(12)],
        "classes": CLASS_COLORS,
        "magma": magma.tolist(),
    }
    return f"const LIVE = {json.dumps(live, separators=(',', ':'))};\n"


def load_network(path: Path):
    """Return the Keras model of a file."""
    from helpers.start import start_keras

    start_keras()
    import keras

    return keras.saving.load_model(path, compile=False)


def describe_network(model) -> dict:
    """Return the layers of a Keras model in the order in which they run, and their weights.

    Returns:
        `size`, of the pictures in pixels; `layers`, each with `name`, `kind`, `inputs` (names of layers; a picture is
        "picture"), its settings and `shapes` of its weights; `weights`, float32 one after the other, in base64.

    Raises:
        ValueError: a layer is of a kind that the page does not know.
    """
    layers, weights, names = [], [], {}
    for layer in model.layers:
        sources = [] if type(layer).__name__ == "InputLayer" else layer._inbound_nodes[0].input_tensors
        inputs = [names[id(tensor)] for tensor in sources]
        kind = type(layer).__name__
        if kind in IDLE and not layer.trainable_weights:
            names[id(layer.output)] = inputs[0] if inputs else "picture"
            continue
        known = next((base.__name__ for base in type(layer).__mro__ if base.__name__ in SETTINGS), None)
        if known is None:
            raise ValueError(f"layer {layer.name} is a {kind}; the page knows {', '.join(SETTINGS)}")
        if known in ("Conv2DTranspose", "MaxPooling2D") and layer.padding != "same":
            raise ValueError(f"layer {layer.name} has the padding {layer.padding!r}; for {known} the page knows 'same'")
        values = layer.get_weights()
        settings = {name: layer.get_config()[name] for name in SETTINGS[known]}
        shapes = [value.shape for value in values]
        layers.append({"name": layer.name, "kind": known, "inputs": inputs, "shapes": shapes} | settings)
        weights += [value.astype("<f4").ravel() for value in values]
        names[id(layer.output)] = layer.name
    data = base64.b64encode(np.concatenate(weights).tobytes()).decode()
    return {"size": model.input_shape[1], "layers": layers, "weights": data}


def draw_pet(number: int) -> dict:
    """Return a drawn picture, PNG as a data URL, with what is on it: six pets as in 9.2, then six small heads."""
    species = "cat" if number % 2 == 0 else "dog"
    draw = sample_pets.draw_head if number >= 6 else sample_pets.draw_pet
    buffer = io.BytesIO()
    Image.fromarray(draw(SEED, number, species).picture).save(buffer, format="PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    return {"alt": f"drawn {species}" + (", its head" if number >= 6 else ""), "url": f"data:image/png;base64,{data}"}
