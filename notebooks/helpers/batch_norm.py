"""Batch norm, computed in training by one operation of TensorFlow where that is faster."""

import keras
from keras import ops

from .devices import count_sharing, prefers_fused_batch_norm


@keras.saving.register_keras_serializable("companion")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """The same as `keras.layers.BatchNormalization`: weights, outputs, gradients and moving averages.

    Keras composes the training step of small operations, each of which reads and writes all maps; TensorFlow has one
    that does it in two passes. Used for maps (N, height, width, channels) in training on a processor; everywhere else
    Keras's own layer is at work. Where several devices share a batch (see `devices.use`), statistics are those of all.

    A saved model that contains this layer loads once this module is imported.
    """

    def __init__(self, **options):
        super().__init__(**{"synchronized": count_sharing() > 1, **options})

    def call(self, inputs, training=None, mask=None):
        """Return normalised maps like `inputs`; in training the moving averages follow."""
        fits = len(inputs.shape) == 4 and self.axis in (-1, 3) and self.center and self.scale and not self.synchronized
        if not (training and self.trainable and fits and mask is None and prefers_fused_batch_norm()):
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        gamma, beta = ops.cast(self.gamma, "float32"), ops.cast(self.beta, "float32")
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(inputs, gamma, beta, epsilon=self.epsilon)
        count = ops.cast(ops.size(inputs) / inputs.shape[-1], "float32")
        variance = variance * (ops.maximum(count - 1, 1) / count)  # TensorFlow divides by n - 1, Keras by n
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average * self.momentum + ops.cast(value, average.dtype) * (1 - self.momentum))
        return outputs
