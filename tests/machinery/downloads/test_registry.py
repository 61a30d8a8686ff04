"""A registry in a folder describes the data sets; what is wrong with one is named, with its place."""

from pathlib import Path

import pytest

from trial_data import CONTENT, assert_downloads, assert_fails, write_registry

UNSAFE = ["../file.bin", "/file.bin", ".hidden", "a/b", ""]


def test_a_registry_in_a_folder_has_urls_relative_to_itself():
    Path("elsewhere").mkdir()
    Path("elsewhere/there.bin").write_bytes(CONTENT)
    write_registry("there.bin", path="elsewhere/registry.toml")
    assert_downloads("set", "--registry", "elsewhere/registry.toml")


@pytest.mark.parametrize(
    ("text", "other", "told"),
    [
        ('licence = "CC0"', "", "'licence'"),
        ('name = "file.bin"', "", "'name'"),
        ("urls = ['x']", "", "'urls'"),
        ("sha256 =", "sha512 =", "'sha256'"),
        *[
            ('licence = "CC0"', f'licence = "CC0"\n{key} = 5', f"'{key}' (str)")
            for key in ("folder", "obtain", "citation")
        ],
        ('licence = "CC0"', 'licence = "CC0"\nprofiles = 5', "'profiles' (list)"),
        *[('"file.bin"', f'"{name}"', f"'{name}' is not a plain file name") for name in UNSAFE],
    ],
)
def test_what_is_wrong_with_a_registry_is_named(capsys, text, other, told):
    write_registry("x")
    registry = Path("registry.toml")
    registry.write_text(registry.read_text(encoding="utf-8").replace(text, other), encoding="utf-8")
    assert_fails(capsys, told, "registry.toml", status=2)


@pytest.mark.parametrize("text", ["[set", "set = 1", "[set]\ntitle = 1"])
def test_nonsense_is_not_a_registry(capsys, text):
    Path("registry.toml").write_text(text, encoding="utf-8")
    assert_fails(capsys, "registry.toml", status=2)
