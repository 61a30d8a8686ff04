"""Which Python the environment gets, and what is said where there is none. What installs is replaced by a list."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import set_up
from project_copy import ROOT


@pytest.fixture
def called(monkeypatch, tmp_path):
    """The commands that would have run, in a folder of their own; the one that fails is set by `called.failing`."""

    class Called(list):
        failing = None

    commands = Called()

    def call(*command):
        line = " ".join(map(str, command))
        commands.append(line)
        if commands.failing and re.search(commands.failing, line):
            raise subprocess.CalledProcessError(1, command)
        if "venv" in line:
            (tmp_path / ".venv").mkdir(exist_ok=True)

    monkeypatch.setattr(set_up, "call", call)
    monkeypatch.setattr(set_up, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return commands


def stand_in(folder, name, version):
    """Write a command that says that it is a Python of some version."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)


class Newer:
    """What `set_up` sees of `sys`."""

    version_info = (3, 14, 0, "final", 0)
    version = "3.14.0 (stand-in)"
    executable = sys.executable
    stderr = property(lambda self: sys.stderr)


@pytest.fixture
def only_new(monkeypatch, tmp_path):
    """Pretends to be Python 3.14, with an empty PATH; the folder that is on it."""
    monkeypatch.setattr(set_up, "sys", Newer())
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_this_python_is_taken_where_it_suits(called):
    assert set_up.main([]) == 0
    assert called[0] == f"{sys._base_executable} -m venv .venv"
    assert Path(".venv/ready-cpu").exists()
    assert "requirements/cpu.txt" in " ".join(called)


@pytest.mark.skipif(os.name == "nt", reason="stand-ins are shell scripts")
def test_another_is_looked_for_under_its_usual_names(called, only_new, capsys):
    stand_in(only_new, "python3.11", "3.11")
    stand_in(only_new, "python3.13", "3.13")
    stand_in(only_new, "python3", "3.14")
    assert set_up.main(["gpu"]) == 0
    assert called[0] == f"{only_new}/python3.13 -m venv .venv"
    assert "this is Python 3.14.0: python3.13 is taken instead" in capsys.readouterr().out
    assert Path(".venv/ready-gpu").exists()


@pytest.mark.skipif(os.name == "nt", reason="stand-ins are shell scripts")
def test_uv_brings_one_where_there_is_none(called, only_new, capsys):
    stand_in(only_new, "python3", "3.14")
    stand_in(only_new, "python3.12", "nonsense")
    assert set_up.main([]) == 0
    assert [bool(re.search("uv venv --quiet --seed --python 3.12 .venv", line)) for line in called[:3]] == [0, 0, 1]
    assert "this is Python 3.14.0, and no 3.12, 3.13, 3.11 is here: uv fetches 3.12" in capsys.readouterr().out


@pytest.mark.parametrize("failing", ["uv venv", "-m venv", "uv.txt"])
def test_three_ways_out_where_neither_works(called, only_new, capsys, failing):
    called.failing = failing
    assert set_up.main([]) == 1
    said = capsys.readouterr().err
    assert "There is none here (this is 3.14.0)" in said
    assert all(
        way in said
        for way in ("py -3.12 scripts/set_up.py", "uv python install", "conda env create -f environment.yml")
    )


def test_the_environment_may_be_made_from_within_itself(called, monkeypatch, tmp_path):
    active = tmp_path / ".venv" / "bin" / "python"
    active.parent.mkdir(parents=True)
    active.touch()
    monkeypatch.setattr(sys, "executable", str(active))
    assert set_up.main([]) == 0
    assert str(active) not in called[0]


def test_pip_installs_where_uv_cannot(called, capsys):
    called.failing = "uv pip install"
    assert set_up.main([]) == 0
    assert "uv could not install; pip does" in capsys.readouterr().out
    assert any("-m pip install" in line and "--require-hashes -r requirements/cpu.txt" in line for line in called)


def test_a_failure_leaves_no_environment_that_looks_ready(called):
    called.failing = "pip install"
    with pytest.raises(subprocess.CalledProcessError):
        set_up.main([])
    assert not list(Path(".venv").glob("ready-*"))


@pytest.mark.parametrize("arguments", [["tpu"], ["cpu", "gpu"]])
def test_wrong_calls_change_nothing(called, capsys, arguments):
    assert set_up.main(arguments) == 2
    assert "cpu (the default) or gpu" in capsys.readouterr().err
    assert called == []


def test_pythons_are_those_of_the_project():
    declared = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    lowest, above = map(int, declared.groups())
    assert sorted(set_up.PYTHONS) == [f"3.{minor}" for minor in range(lowest, above)]
    assert all(version in set_up.WAYS_OUT for version in set_up.PYTHONS)
