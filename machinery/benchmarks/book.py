"""The chapter's formulations, as plainly as a book writes them.

The one correction: pictures are resized by bilinear interpolation and not by nearest neighbour, which is wrong for
pictures: else there would be no equal results to compare.
"""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def read_pets(image_paths: list[Path], mask_paths: list[Path], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Read one file after the other: pictures float32 (N, size, size, 3) in 0-255, classes uint8 (N, size, size, 1)."""
    images = np.zeros((len(image_paths), size, size, 3), "float32")
    masks = np.zeros((len(mask_paths), size, size, 1), "uint8")
    for index, path in enumerate(image_paths):
        picture = keras.utils.load_img(path, target_size=(size, size), interpolation="bilinear")
        images[index] = keras.utils.img_to_array(picture)
    for index, path in enumerate(mask_paths):
        mask = keras.utils.load_img(path, target_size=(size, size), color_mode="grayscale")
        masks[index] = keras.utils.img_to_array(mask).astype("uint8") - 1
    return images, masks


class KerasBatchNormalization(layers.BatchNormalization):
    """Keras's own, without what `start_keras` makes faster."""

    call = inspect.unwrap(layers.BatchNormalization.call)


def build_mini_xception(image_size: int, filters: Sequence[int]) -> keras.Model:
    """Return a network from pictures (N, size, size, 3) in 0-255 to the probability of a dog, (N, 1)."""
    inputs = keras.Input((image_size, image_size, 3))
    augmentation = [layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.RandomZoom(0.2)]
    x = keras.Sequential(augmentation)(inputs)
    x = layers.Rescaling(1 / 255)(x)
    x = layers.Conv2D(filters[0], 5, use_bias=False)(x)
    for width in filters:
        residual = x
        for _ in range(2):
            x = KerasBatchNormalization()(x)
            x = layers.Activation("relu")(x)
            x = layers.SeparableConv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        x = layers.add([x, layers.Conv2D(width, 1, strides=2, padding="same", use_bias=False)(residual)])
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))


def build_ascent(extractor: keras.Model) -> Callable:
    """Return a compiled step from (picture, filter's number as an int, rate) to (next picture, response before)."""

    @tf.function
    def ascend(picture, filter_index, rate):
        with tf.GradientTape() as tape:
            tape.watch(picture)
            maps = extractor(picture, training=False)
            response = tf.reduce_mean(maps[:, 2:-2, 2:-2, filter_index])
        gradient = tape.gradient(response, picture)
        return picture + rate * tf.math.l2_normalize(gradient), response

    return ascend


def build_grad_cam(model: keras.Model, layer_name: str) -> Callable:
    """Return a function from one picture (1, height, width, 3) to its raw map for the most likely class."""
    last = model.get_layer(layer_name)
    features = keras.Model(model.input, last.output)
    inputs = keras.Input(last.output.shape[1:])
    x = inputs
    for layer in model.layers[model.layers.index(last) + 1 :]:
        x = layer(x)
    classifier = keras.Model(inputs, x)

    def grad_cam(picture):
        with tf.GradientTape() as tape:
            maps = features(picture)
            tape.watch(maps)
            predictions = classifier(maps)
            top = predictions[:, tf.argmax(predictions[0])]
        weights = tf.reduce_mean(tape.gradient(top, maps), axis=(0, 1, 2)).numpy()
        maps = maps.numpy()[0]
        for channel, weight in enumerate(weights):
            maps[:, :, channel] *= weight
        return np.mean(maps, axis=-1)

    return grad_cam
