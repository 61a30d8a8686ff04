"""The README shows what the notebooks show, and names what is there."""

import re

import pytest
from export_figures import FIGURES, ROOT, find_figure

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_those_of_the_stored_notebooks(name):
    stored = (ROOT / "docs" / "figures" / name).read_bytes()
    assert stored == find_figure(*FIGURES[name]), "run `make outputs`"


def test_a_missing_figure_says_what_to_do():
    with pytest.raises(LookupError, match="make outputs"):
        find_figure("9_2_image_segmentation", "no-such-tag")


def test_links_lead_somewhere():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing


def test_commands_exist():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = set(re.findall(r"\bmake ([a-z]+)\b", README))
    assert {"notebooks", "test", "data"} <= named
    assert named <= set(targets)
    scripts = set(re.findall(r"scripts/\w+\.py", README))
    assert scripts
    assert all((ROOT / script).exists() for script in scripts)
