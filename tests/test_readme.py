"""The README shows what the notebooks show, and names what is there."""

import re

import nbformat
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


def test_measured_row_is_that_of_the_stored_notebook():
    notebook = nbformat.read(ROOT / "notebooks" / "9_2_image_segmentation.ipynb", as_version=4)
    printed = next(cell.outputs[0].text for cell in notebook.cells if "save_results(" in cell.source)
    results = dict(line.split(maxsplit=1) for line in printed.splitlines())
    names = ("val_loss", "pixel_accuracy", "iou_animal", "iou_background", "iou_outline")
    row = next(line for line in README.splitlines() if line.startswith("| drawn, profile `sample`"))
    shown = [float(number) for number in re.findall(r"0\.\d+", row)]
    assert shown == pytest.approx([float(results[name]) for name in names], abs=6e-4)


def test_links_lead_somewhere():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing


def test_commands_exist():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = set(re.findall(r"\bmake ([a-z-]+)\b", README))
    assert {"notebooks", "test", "data"} <= named
    assert named <= set(targets)
    scripts = set(re.findall(r"scripts/\w+\.py", README))
    assert scripts
    assert all((ROOT / script).exists() for script in scripts)
