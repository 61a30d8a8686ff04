"""Real pictures and weights, which lie beside this project on some machines."""

import os
from pathlib import Path

import pytest

from project_copy import ROOT

ASSETS = Path(os.environ.get("COMPANION_ASSETS", ROOT.parent / "shared" / "assets"))


def find_asset(name):
    """Return the path of a real asset, or skip the test."""
    path = ASSETS / name
    if not path.exists():
        pytest.skip(f"not run: {name} is not beside this project")
    return path
