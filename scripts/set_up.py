#!/usr/bin/env python3
"""Set up the environment in .venv, from the lock with hashes; `make` calls this, and without make it is the command.

Any Python 3 may run it. If that is none of those that the notebooks need, one is looked for under its usual names, and
if there is none, uv brings one. Argument: cpu (the default) or gpu.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.12", "3.13", "3.11")  # in this order
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
WAYS_OUT = """\
The notebooks need Python 3.11, 3.12 or 3.13. There is none here ({found}), and uv could not bring one. Three ways out:
  install one from python.org or by your system's packages, and the same command finds it; on Windows:
    py -3.12 scripts/set_up.py
  with a network: install uv (https://docs.astral.sh/uv), call  uv python install 3.12 , and the same command again
  with conda:  conda env create -f environment.yml   (its first lines say the rest)"""


def main(arguments):
    """Make the environment anew; return the exit status."""
    device = arguments[0] if arguments else "cpu"
    if device not in ("cpu", "gpu") or len(arguments) > 1:
        print(__doc__, file=sys.stderr)
        return 2
    started = time.time()
    os.chdir(ROOT)
    environment = Path(".venv")
    python = find_python()
    shutil.rmtree(environment, ignore_errors=True)
    if python:
        call(python, "-m", "venv", environment)
    elif not bring_python(environment):
        print(WAYS_OUT.format(found=f"this is {sys.version.split()[0]}"), file=sys.stderr)
        return 1
    install(environment / SCRIPTS, device)
    (environment / f"ready-{device}").touch()  # the Makefile compares its time with the lock's
    print(f"the environment is ready in .venv, after {time.time() - started:.0f} s")
    return 0


def find_python():
    """Return the command of a Python that the notebooks run on; None if there is none."""
    if ".".join(map(str, sys.version_info[:2])) in PYTHONS:
        # Of an environment, the Python behind it: .venv may be the one that is active, and it is made anew.
        return getattr(sys, "_base_executable", None) or sys.executable
    for command in [f"python{version}" for version in PYTHONS] + ["python3", "python"]:
        path = shutil.which(command)
        if path and read_version(path) in PYTHONS:
            print(f"this is Python {sys.version.split()[0]}: {command} is taken instead")
            return path
    return None


def read_version(python):
    """Return the version of a Python, "3.12"; empty if it does not start."""
    code = "import sys; print('.'.join(map(str, sys.version_info[:2])))"
    try:
        return subprocess.run([python, "-c", code], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def bring_python(environment):
    """Let uv fetch a Python and make the environment with it; tell whether it could."""
    print(
        f"this is Python {sys.version.split()[0]}, and no {', '.join(PYTHONS)} is here: uv fetches {PYTHONS[0]}",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        try:
            uv = shutil.which("uv")
            if not uv:
                call(sys.executable, "-m", "venv", folder)
                uv = Path(folder, SCRIPTS, "uv")
                install_uv(uv.with_name("python"))
            call(uv, "venv", "--quiet", "--seed", "--python", PYTHONS[0], environment)
        except (OSError, subprocess.CalledProcessError):
            return False
    return True


def install(folder, device):
    """Install the lock and the project into the environment with these commands.

    uv takes a third of pip's time; where it cannot (it does not read pip's settings of an index), pip does it.
    """
    python, lock = folder / "python", f"requirements/{device}.txt"
    install_uv(python)
    try:
        call(folder / "uv", "pip", "install", "--python", python, "--quiet", "--require-hashes", "-r", lock)
    except subprocess.CalledProcessError:
        print("uv could not install; pip does", flush=True)
        pip(python, "--require-hashes", "-r", lock)
    pip(python, "--no-deps", "--no-build-isolation", "--editable", ".")


def install_uv(python):
    """Install uv by pip."""
    pip(python, "--require-hashes", "-r", ROOT / "requirements" / "uv.txt")


def pip(python, *arguments):
    """Call pip's install."""
    call(python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", *arguments)


def call(*command):
    """Run a command; CalledProcessError if it fails."""
    subprocess.run(list(map(str, command)), check=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except subprocess.CalledProcessError as failure:
        sys.exit(f"{' '.join(failure.cmd[:6])} … failed with status {failure.returncode}; the lines above say why")
