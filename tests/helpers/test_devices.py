"""What is chosen by device: precision, batch norm; and that two devices compute what one computes."""

import json
import subprocess
import sys

import keras
import pytest
import tensorflow as tf

from helpers import devices
from helpers.start import start_keras

CODE = """
import json
from helpers import devices
from helpers.start import start_keras
start_keras({count})
import keras, numpy as np
from helpers.lessons import load_lesson
dice = np.random.default_rng(0)
pictures, masks = dice.integers(0, 256, (40, 16, 16, 3), "uint8"), dice.integers(0, 3, (40, 16, 16, 1), "uint8")
labels, losses = np.arange(40) % 2, {{}}
with devices.use({count}):
    losses["replicas"] = devices.count_sharing()
    keras.utils.set_random_seed(1)
    model = load_lesson("9_2_image_segmentation").get_model(16, 3, (4, 8))
    model.compile(keras.optimizers.RMSprop(1e-3), "sparse_categorical_crossentropy")
    validation = pictures[32:], masks[32:]
    losses["segmentation"] = model.fit(pictures[:32], masks[:32], 8, 3, 0, validation_data=validation).history
    keras.utils.set_random_seed(1)
    lesson = load_lesson("9_3_convnet_architectures")
    lesson.build_augmentation = lambda *_: lambda x: x  # each device draws random numbers of its own
    lesson.layers.Dropout = lambda *_: lambda x: x
    model = lesson.build_mini_xception(16, (4, 8))
    parts = {{"train": (pictures[:32], labels[:32]), "validation": (pictures[32:], labels[32:])}}
    best, losses["mini-Xception"] = lesson.train_classifier(model, parts, 3, 8, 1e-3, False, {folder!r})
keras.models.load_model(best).predict(pictures[:1], verbose=0)  # on one device, that a single picture is not divided
print(json.dumps(losses))
"""


def train(count, folder):
    """Train both networks on so many logical devices, in a process of its own; return their losses."""
    code = CODE.format(count=count, folder=str(folder))
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_two_devices_have_the_losses_of_one(tmp_path):
    one, two = (train(count, tmp_path / str(count)) for count in (1, 2))
    assert (one["replicas"], two["replicas"]) == (1, 2)
    for network in ("segmentation", "mini-Xception"):
        for name in ("loss", "val_loss"):
            assert len(one[network][name]) == 3
            assert two[network][name] == pytest.approx(one[network][name], rel=1e-3), f"{network}, {name}"


def test_more_devices_than_there_are_are_refused():
    with pytest.raises(ValueError, match="DEVICES is 99; expected 1 to 1"), devices.use(99):
        pass
    tf.config.list_logical_devices()  # starts TensorFlow
    with pytest.raises(ValueError, match="DEVICES is 2, but the processor is already in use as 1; restart the kernel"):
        start_keras(2)


def test_a_precision_holds_within_the_block_and_only_there():
    inputs = keras.Input((4,))
    for precision, computed in (("mixed_bfloat16", "bfloat16"), ("float32", "float32")):
        with devices.use(1, precision):
            layer = keras.layers.Dense(1)
            assert layer(inputs).dtype == computed
            assert layer.kernel.dtype == "float32"
        assert keras.layers.Dense(1)(inputs).dtype == "float32"
    with pytest.raises(ValueError, match="PRECISION is 'float8'; expected one of float32, mixed_bfloat16, fastest"):
        devices.use(1, "float8").__enter__()


@pytest.mark.parametrize(
    ("flags", "precision"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_bf16\n", "mixed_bfloat16"),
        ("flags\t\t: fpu amx_tile amx_bf16\n", "mixed_bfloat16"),
        ("Features\t: fp asimd bf16\n", "mixed_bfloat16"),
        ("flags\t\t: fpu avx2 avx512f\nbugs\t\t: bf16\n", "float32"),
        ("", "float32"),
    ],
)
def test_the_processor_s_flags_decide_the_precision(tmp_path, monkeypatch, flags, precision):
    description = tmp_path / "cpuinfo"
    description.write_text(f"processor\t: 0\n{flags}power management:\n")
    original = devices._processor_has_bfloat16
    monkeypatch.setattr(devices, "_processor_has_bfloat16", lambda: original(description))
    monkeypatch.setattr(devices, "_gpu_capabilities", list)
    monkeypatch.setattr(devices.platform, "system", lambda: "Linux")
    assert devices.fastest_precision() == precision
    monkeypatch.setattr(devices.platform, "system", lambda: "Darwin")
    assert devices.fastest_precision() == "float32"


@pytest.mark.parametrize(
    ("capabilities", "precision"), [([(8, 0)], "mixed_bfloat16"), ([(9, 0), (7, 5)], "float32"), ([(0, 0)], "float32")]
)
def test_gpus_decide_where_there_are_any(monkeypatch, capabilities, precision):
    monkeypatch.setattr(devices, "_gpu_capabilities", lambda: capabilities)
    assert devices.fastest_precision() == precision
    assert not devices.prefers_fused_batch_norm()
