"""What this machine can do, and the seconds that no way of working can go below on it."""

import math
import os
from functools import cache

import keras
import tensorflow as tf
from keras import layers

from helpers import devices
from helpers.lessons import load_lesson
from machinery.benchmarks.measuring import alternate


def describe_machine() -> dict:
    """Return what the machine can do, by the names that are shown and stored."""
    return {
        "cores": os.cpu_count(),
        "float32, GFLOP/s": round(measure_products() / 1e9),
        "bfloat16, GFLOP/s": round(measure_products("bfloat16") / 1e9),
        "precision": devices.fastest_precision(),
    }


@cache
def measure_products(dtype: str = "float32") -> float:
    """Return how many floating-point operations a second a large matrix product reaches."""
    factor = tf.cast(tf.random.stateless_uniform((2048, 2048), (1, 2)), dtype)
    product = tf.function(lambda: tf.reduce_sum(tf.matmul(factor, factor)))
    times, _ = alternate({"product": lambda: float(product())}, 5)
    return 2 * 2048**3 / min(times["product"])


def find_floor(model: keras.Model, passes: int, dtype: str = "float32") -> float:
    """Return the seconds that a model's products take at this machine's rate; a pass is a picture's way through it."""
    return 2 * count_work(model) * passes / measure_products(dtype)


def count_work(model: keras.Model) -> int:
    """Return the multiplications of a model's convolutions and dense layers for one picture."""
    lesson = load_lesson("9_3_convnet_architectures")
    transposed = [layer for layer in model.layers if isinstance(layer, layers.Conv2DTranspose)]  # not in the lesson
    total = sum(map(lesson.count_multiplications, model.layers))
    return total + sum(math.prod(layer.input.shape[1:-1]) * math.prod(layer.kernel.shape) for layer in transposed)
