"""The start of a notebook is quiet."""

import os

import pytest

from helpers.start import quiet_start


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
