"""The start of a notebook is quiet."""

import os
import subprocess
import sys

import keras
import pytest

from helpers.start import quiet_start, start_keras


def test_a_quiet_start_drops_what_c_code_prints_and_nothing_else(capfd):
    def fail_with_noise():
        with quiet_start():
            os.write(2, b"noise ")
            raise ImportError("no such module")

    os.write(2, b"before ")
    with pytest.raises(ImportError, match="no such"):
        fail_with_noise()
    os.write(2, b"after")
    assert capfd.readouterr().err == "before after"


def test_what_keras_json_says_of_numbers_and_channels_is_overruled(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    keras.config.set_floatx("float16")
    keras.config.set_image_data_format("channels_first")
    start_keras()
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    assert (keras.config.floatx(), keras.config.image_data_format()) == ("float32", "channels_last")


def test_a_backend_that_is_not_installed_is_told():
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    hidden = "import sys; sys.modules['jax'] = None; from helpers.start import start_keras; start_keras()"
    seen = subprocess.run([sys.executable, "-c", hidden], env=environment, capture_output=True, text=True)
    assert "KERAS_BACKEND is 'jax', and jax is not installed: unset it" in seen.stderr.splitlines()[-1]
