"""Importing the helpers is quick."""

import subprocess
import sys


def test_helpers_import_nothing_large():
    names = "caching devices dogs_vs_cats files knobs lessons pets pictures progress results start".split()
    code = f"import sys\nfor name in {names}: __import__(f'helpers.{{name}}')\n"
    code += "print(*{'keras', 'tensorflow', 'matplotlib', 'jupytext', 'IPython'} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
