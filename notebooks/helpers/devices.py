"""What is right on this machine, decided in one place: precision, how many devices share a batch, which batch norm."""

import os
import platform
import re
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path

PRECISIONS = ("float32", "mixed_bfloat16", "fastest")


@contextmanager
def use(devices=1, precision="float32"):
    """Build, compile and train in a `with` block on several devices and in a precision.

    Args:
        devices: how many share each batch (TensorFlow's `MirroredStrategy`); each holds a copy of the model.
        precision: "float32"; "mixed_bfloat16", which computes with 16 bits and keeps weights in 32; or "fastest",
            the second where this machine has instructions for it.

    Raises:
        ValueError: there is no such precision, or there are fewer devices.
    """
    import keras

    if precision not in PRECISIONS:
        raise ValueError(f"PRECISION is {precision!r}; expected one of {', '.join(PRECISIONS)}")
    policy = keras.config.dtype_policy()
    with _share(devices):
        keras.config.set_dtype_policy(fastest_precision() if precision == "fastest" else precision)
        try:
            yield
        finally:
            keras.config.set_dtype_policy(policy)


def divide_processor(devices):
    """Let the processor pose as so many devices where there is no GPU; ValueError if it is in use already as fewer."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return
    processor = tf.config.list_physical_devices("CPU")[0]
    already = tf.config.get_logical_device_configuration(processor) or [None]
    if len(already) >= devices:
        return
    try:
        tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * devices)
    except RuntimeError as error:  # it is in use
        raise ValueError(
            f"DEVICES is {devices}, but the processor is already in use as {len(already)}; "
            "restart the kernel and run the notebook from its first cell"
        ) from error


def count_sharing():
    """Return how many devices share each batch of a model that is built here: 1 outside `use`."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def describe():
    """Return what computes here: processor, cores, whether it has bfloat16, and, if Keras runs, the names of GPUs."""
    processor = platform.processor() or platform.machine()
    if platform.system() == "Linux":
        names = re.findall(r"^model name\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        processor = names[0].strip() if names else processor
    gpus = [detail.get("device_name", "unknown") for detail in _gpu_details()] if "keras" in sys.modules else []
    return {"processor": processor, "cores": os.cpu_count(), "bfloat16": _processor_has_bfloat16(), "gpus": gpus}


def fastest_precision():
    """Return "mixed_bfloat16" if the GPUs, or else the processor, compute with bfloat16, and "float32" if not."""
    capabilities = _gpu_capabilities()
    able = all(capability >= (8, 0) for capability in capabilities) if capabilities else _processor_has_bfloat16()
    return "mixed_bfloat16" if able else "float32"


def prefers_fused_batch_norm():
    """Tell whether TensorFlow's own batch norm is faster than Keras's: on a processor; for a GPU, XLA fuses Keras's."""
    import keras

    return keras.backend.backend() == "tensorflow" and not _gpu_capabilities()


def _gpu_capabilities():
    """Return the compute capability of each GPU that TensorFlow sees; of another maker's, (0, 0)."""
    return [tuple(detail.get("compute_capability", (0, 0))) for detail in _gpu_details()]


def _gpu_details():
    """Return what TensorFlow says of each GPU that it sees, a list of dicts; of none with another backend."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return []
    import tensorflow as tf

    return [*map(tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU"))]


def _processor_has_bfloat16(description=Path("/proc/cpuinfo")):
    """Tell whether Linux names instructions for bfloat16; other systems do not say, and count as without."""
    if platform.system() != "Linux":
        return False
    words = re.findall(r"^(?:flags|Features)\s*:(.*)$", description.read_text(), re.MULTILINE)
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(" ".join(words[:1]).split()))


def _share(devices):
    if devices == 1:
        return nullcontext()
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"DEVICES is {devices}; with {keras.backend.backend()} as Keras's backend, expected 1")
    import tensorflow as tf

    gpus = tf.config.list_logical_devices("GPU")
    found = gpus or tf.config.list_logical_devices("CPU")
    if not 1 <= devices <= len(found):
        raise ValueError(f"DEVICES is {devices}; expected 1 to {len(found)}, the devices that TensorFlow sees")
    # On processors, TensorFlow's default mixes up the sums of gradients with those of a batch norm.
    sums = None if gpus else tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy([device.name for device in found[:devices]], sums).scope()
