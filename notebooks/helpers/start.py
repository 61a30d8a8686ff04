"""What a notebook does first: Keras, without a word from TensorFlow and with a faster batch norm."""

import logging
import os
from contextlib import contextmanager

from .devices import divide_processor


def start_keras(devices=1):
    """Import Keras without a word from TensorFlow; its backend is KERAS_BACKEND, "tensorflow" unless that is set.

    Numbers are float32 and channels come last, whatever the reader's `keras.json` says.
    On a processor, batch norm then trains faster, see `batch_norm`. Where there is no GPU and `devices` is more than 1,
    the processor poses as so many devices: nothing gets faster, but one sees what several GPUs would compute. That is
    decided once in a process.
    """
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        with quiet_start():  # some messages come in spite of that
            import keras

            from .batch_norm import speed_up_batch_norm
    except ModuleNotFoundError as error:
        backend = os.environ["KERAS_BACKEND"]
        message = f"KERAS_BACKEND is {backend!r}, and {error.name} is not installed: unset it, or install {error.name}"
        raise ModuleNotFoundError(message, name=error.name) from None
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # the same for its warnings
    speed_up_batch_norm()
    if devices > 1:
        divide_processor(devices)


@contextmanager
def quiet_start():
    """Drop what libraries written in C print to standard error in a `with` block, as TensorFlow does when imported.

    Exceptions arrive, and so does what Python prints in a notebook.
    """
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
