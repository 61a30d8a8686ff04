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
import json, sys
from helpers import devices
from helpers.start import start_keras
start_keras(2)
import keras, numpy as np
from helpers.lessons import load_lesson
dice = np.random.default_rng(0)
pictures, labels = dice.integers(0, 256, (40, 16, 16, 3), "uint8"), np.arange(40) % 2
parts = {"train": (pictures[:32], labels[:32]), "validation": (pictures[32:], labels[32:])}
lesson = load_lesson("9_3_convnet_architectures")
lesson.build_augmentation = lambda *_: lambda x: x  # each device draws random numbers of its own
lesson.layers.Dropout = lambda *_: lambda x: x
trained = []
for count in (1, 2):
    with devices.use(count):
        keras.utils.set_random_seed(1)
        model = lesson.build_mini_xception(16, (4, 8))
        best, history = lesson.train_classifier(model, parts, 3, 8, 1e-3, False, sys.argv[1])
        trained.append(history | {"replicas": devices.count_sharing()})
keras.models.load_model(best).predict(pictures[:1], verbose=0)  # on one device, that a single picture is not divided
print(json.dumps(trained))
"""


def test_two_devices_have_the_losses_of_one(tmp_path):
    run = subprocess.run([sys.executable, "-c", CODE, str(tmp_path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    one, two = json.loads(run.stdout.splitlines()[-1])
    assert (one["replicas"], two["replicas"]) == (1, 2)
    for name in ("loss", "val_loss"):
        assert len(one[name]) == 3
        assert two[name] == pytest.approx(one[name], rel=1e-3), name


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
