"""Keras's batch norm, made faster in training on a processor."""

from functools import wraps

import keras
from keras import ops

from .devices import count_sharing, prefers_fused_batch_norm


def speed_up_batch_norm():
    """Let `keras.layers.BatchNormalization` train by one operation of TensorFlow where that is faster.

    Keras composes the training step of small operations, each of which reads and writes all maps; TensorFlow has one
    that does it in two passes. It is used for maps (N, height, width, channels) in training on a processor; everywhere
    else Keras's own is at work. Outputs, gradients and moving averages are the same but for rounding, and a saved model
    is one of Keras. Where several devices share a batch (see `devices.use`), statistics are those of all.
    """
    if not hasattr(keras.layers.BatchNormalization.call, "__wrapped__"):
        keras.layers.BatchNormalization.call = _fuse(keras.layers.BatchNormalization.call)


def _fuse(keras_call):
    """Return a method that does the same as the one of Keras, faster where it can."""

    @wraps(keras_call)
    def call(layer, inputs, training=None, mask=None):
        if count_sharing() > 1:
            layer.synchronized = True
        renorm = getattr(layer, "renorm", False)  # which older releases of Keras do not have
        plain = layer.center and layer.scale and not layer.synchronized and not renorm and mask is None
        fits = plain and len(inputs.shape) == 4 and layer.axis in (-1, 3)
        if training and layer.trainable and fits and prefers_fused_batch_norm():
            return _normalise(layer, inputs)
        return keras_call(layer, inputs, training=training, mask=mask)

    return call


def _normalise(layer, inputs):
    """Return normalised maps like `inputs`; the layer's moving averages follow."""
    import tensorflow as tf

    gamma, beta = ops.cast(layer.gamma, "float32"), ops.cast(layer.beta, "float32")
    outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(inputs, gamma, beta, epsilon=layer.epsilon)
    count = ops.cast(ops.size(inputs) / inputs.shape[-1], "float32")
    variance = variance * (ops.maximum(count - 1, 1) / count)  # TensorFlow divides by n - 1, Keras by n
    for average, value in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        average.assign(average * layer.momentum + ops.cast(value, average.dtype) * (1 - layer.momentum))
    return outputs
