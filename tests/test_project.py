"""The project's own files agree with one another: locks, environments, workflows, text pairs."""

import os
import re
import subprocess
import tomllib
from itertools import product
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from project_copy import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REQUIRES_PYTHON = SpecifierSet(PROJECT["project"]["requires-python"])
PYTHONS = [f"3.{minor}" for minor in range(40) if REQUIRES_PYTHON.contains(f"3.{minor}")]
SYSTEMS = {
    "linux": {"platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    "linux on arm": {"platform_system": "Linux", "os_name": "posix", "platform_machine": "aarch64"},
    "darwin": {"platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
    "win32": {"platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
}
LOCKS = ["cpu", "gpu"]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def read(path):
    """Read a text file of the project."""
    return (ROOT / path).read_text(encoding="utf-8")


def read_lock(device):
    """Return the lock's entries as a list of (requirement, hashes)."""
    entries = read(f"requirements/{device}.txt").replace("\\\n", " ").strip().splitlines()
    return [(Requirement(re.sub(r"--hash=\S+", "", entry)), re.findall(r"--hash=(\S+)", entry)) for entry in entries]


def installed(requirements, python, system):
    """Return those of `requirements` that a marker does not rule out on this Python and system."""
    machine = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": system.split()[0],
        "extra": "",
        **SYSTEMS[system],
    }
    return [r for r in requirements if r.marker is None or r.marker.evaluate(machine)]


def steps_of(workflow):
    """Return every step of a workflow's jobs."""
    return [step for job in yaml.safe_load(read(workflow))["jobs"].values() for step in job["steps"]]


# Environments and locks


@pytest.mark.parametrize("device", LOCKS)
@pytest.mark.parametrize(("python", "system"), list(product(PYTHONS, SYSTEMS)))
def test_lock_holds_every_direct_dependency(device, python, system):
    project = PROJECT["project"]
    direct = project["dependencies"] + project["optional-dependencies"][device]
    direct += PROJECT["dependency-groups"]["dev"]
    locked = installed([requirement for requirement, _ in read_lock(device)], python, system)
    versions = {canonicalize_name(requirement.name): requirement.specifier for requirement in locked}
    assert len(versions) == len(locked), "a package is locked twice for one machine"
    for requirement in installed(map(Requirement, direct), python, system):
        (pin,) = versions.get(canonicalize_name(requirement.name)) or [None]
        assert pin, f"{requirement} is not in requirements/{device}.txt, run `make lock`"
        assert requirement.specifier.contains(pin.version), f"{requirement} is locked at {pin.version}"


@pytest.mark.parametrize("device", LOCKS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_lock_holds_one_tensorflow(device, system):
    # The two packages install the same folder and would overwrite each other.
    locked = installed([requirement for requirement, _ in read_lock(device)], PYTHONS[0], system)
    names = {requirement.name for requirement in locked}
    expected = "tensorflow-cpu" if (device, system) == ("cpu", "linux") else "tensorflow"
    assert names & {"tensorflow", "tensorflow-cpu"} == {expected}
    assert any(name.startswith("nvidia-") for name in names) == (device == "gpu" and system.startswith("linux"))


def test_uv_installs_itself_from_the_lock():
    locked = {str(requirement): sorted(hashes) for requirement, hashes in read_lock("cpu")}
    ((uv, hashes),) = read_lock("uv")
    assert locked[str(uv)] == sorted(hashes)


@pytest.mark.parametrize("device", [*LOCKS, "uv"])
def test_lock_is_exact_and_hashed(device):
    lock = read(f"requirements/{device}.txt")
    assert "://" not in lock
    assert not re.search(r"^\s*-(?!-hash)", lock, re.MULTILINE), "the lock has an option besides --hash"
    for requirement, hashes in read_lock(device):
        assert requirement.url is None
        assert [pin.operator for pin in requirement.specifier] == ["=="], requirement
        assert hashes, f"{requirement} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes), requirement


def test_conda_installs_the_same_environment():
    *conda, pip = yaml.safe_load(read("environment.yml"))["dependencies"]
    (python,) = [Requirement(entry.replace("=", "==", 1)) for entry in conda if entry != "pip"]
    assert python.name == "python"
    assert "pip" in conda
    assert [REQUIRES_PYTHON.contains(pin.version) for pin in python.specifier] == [True]
    assert pip == {"pip": ["-r requirements/cpu.txt"]}


def test_make_alone_lists_every_target():
    # Flags of the `make test` around this test would change what the inner make prints.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    listing = subprocess.run(
        ["make", "--no-print-directory"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    targets = re.search(r"^\.PHONY: (.*)$", read("Makefile"), re.MULTILINE)[1].split()
    assert re.findall(r"^make ([\w-]+) +\S", listing, re.MULTILINE) == targets


# Continuous integration


def test_workflows_run_the_commands_of_the_readme():
    commands = {path.name: [step.get("run", "") for step in steps_of(path)] for path in WORKFLOWS}
    assert {"make notebooks", "make test", "make lint"} <= set(commands["test.yml"])
    assert {"make notebooks GPU=1", "make test GPU=1"} <= set(commands["gpu.yml"])
    assert {"make lock", "make notebooks", "make test"} <= set(commands["newest.yml"])
    book = ["make data GPU=1", 'make notebooks GPU=1 ARGS="--profile book"', "make claims GPU=1"]
    assert [command for command in commands["nightly.yml"] if command] == ["make test-all", *book]
    assert "make site" in commands["site.yml"]
    assert read(".ci/run").splitlines()[-1] == "make test"


def test_where_the_repository_may_be_written_only_git_runs():
    publish = yaml.safe_load(read(".github/workflows/site.yml"))["jobs"]["publish"]
    commands = [line.split()[0] for step in publish["steps"] for line in step.get("run", "").splitlines()]
    assert set(commands) == {"touch", "git"}
    actions = [step["uses"].partition("@")[0] for step in publish["steps"] if "uses" in step]
    assert actions == ["actions/checkout", "actions/download-artifact"]


def test_workflows_test_every_python():
    job = yaml.safe_load(read(".github/workflows/test.yml"))["jobs"]["notebooks"]
    assert job["strategy"]["matrix"]["python"] == PYTHONS


def test_actions_name_their_version_and_are_the_same_everywhere():  # zizmor checks that they are pinned
    used = {action for path in WORKFLOWS for action in re.findall(r"uses: (.*)", read(path))}
    assert used
    assert all(re.search(r"@\S+ # v\d+\.\d+\.\d+$", action) for action in used)
    assert len({action.partition("@")[0] for action in used}) == len(used)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_have_no_secret_and_read_but_for_publishing(path):
    workflow = yaml.safe_load(read(path))
    assert not re.search(r"\bsecrets\b|github\.token|GITHUB_TOKEN", read(path))
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert job["permissions"] == {"contents": "write" if (path.name, name) == ("site.yml", "publish") else "read"}
        assert job["timeout-minutes"] > 0


def test_self_hosted_runner_runs_no_pull_requests():
    for path in WORKFLOWS:
        workflow = yaml.safe_load(read(path))
        triggers = workflow[True]  # YAML 1.1 reads the key `on` as a boolean
        if any("self-hosted" in job["runs-on"] for job in workflow["jobs"].values()):
            assert not any(trigger.startswith("pull_request") for trigger in triggers)


# Files


def test_no_file_names_a_machine_or_a_key():
    folder = r"(?<![\w.:/~}-])/(?:home|root|Users|work|opt|mnt|tmp)/\w"
    key = r"\bgh[pousr]_\w{30}|\bAKIA[0-9A-Z]{16}|BEGIN [A-Z ]*PRIVATE KEY"
    built = {".git", ".venv", "build", "__pycache__", ".ipynb_checkpoints"}
    kinds = {".py", ".ipynb", ".toml", ".yml", ".cff", ".md", ".txt", ""}
    found = []
    for directory, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in built and not name.endswith("_cache")]
        if Path(directory) == ROOT / "data":
            folders.clear()  # downloads
        for path in [Path(directory, name) for name in set(names) - built if Path(name).suffix in kinds]:
            for match in re.finditer(f"{folder}|{key}", path.read_text(encoding="utf-8")):
                found.append(f"{path.relative_to(ROOT)}: {match[0]}")
    assert not found


def test_citation_has_the_version_and_the_licence():
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["version"] == PROJECT["project"]["version"]
    assert citation["license"] == PROJECT["project"]["license"] == read("LICENSE").split()[0]


def test_every_notebook_has_its_text_source():  # that they are in step, the notebook checks check
    stems = [sorted(path.stem for path in (ROOT / "notebooks").glob(f"*.{suffix}")) for suffix in ("py", "ipynb")]
    assert stems[0] == stems[1] != []
