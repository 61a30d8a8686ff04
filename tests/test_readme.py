"""The README shows what the notebooks show, and names what is there."""

import json
import re

import nbformat
import pytest

from export_figures import FIGURES, ROOT, find_figure
from helpers.knobs import PROFILES
from notebook_source import STEMS

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_those_of_the_stored_notebooks(name):
    stored = (ROOT / "docs" / "figures" / name).read_bytes()
    assert stored == find_figure(*FIGURES[name]), "run `make outputs`"


def test_a_missing_figure_says_what_to_do():
    with pytest.raises(LookupError, match="make outputs"):
        find_figure("9_2_image_segmentation", "no-such-tag")


def printed_results(stem):
    """Return the results that a stored notebook prints, as a dict of text."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{stem}.ipynb", as_version=4)
    printed = next(cell.outputs[0].text for cell in notebook.cells if "save_results(" in cell.source)
    return dict(line.split(maxsplit=1) for line in printed.splitlines())


def read_results(section, profile):
    """Return the results of a notebook at a scale, as a dict of text and numbers; None where there are none."""
    if profile == "sample":
        return printed_results(next(stem for stem in STEMS if stem.startswith(section)))
    file = ROOT / "docs" / "measurements" / f"{section}_{profile}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


SCORES = {  # results that a row of docs/measurements.md repeats
    "9_2": "val_loss pixel_accuracy iou_animal iou_background iou_outline",
    "9_3": "test_accuracy_mini_xception test_accuracy_baseline",
    "9_4": "energy_grad_cam energy_best_blob energy_uniform_map similarity_all_new similarity_different_pictures",
}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("section", SCORES)
def test_measured_row_is_that_of_the_stored_results(section, profile):
    text = (ROOT / "docs" / "measurements.md").read_text(encoding="utf-8")
    chapter = text.split(f"## {section.replace('_', '.')}")[1]
    row = next(line for line in chapter.splitlines() if line.startswith(f"| `{profile}`"))
    shown = [float(number) for number in re.findall(r"-?0\.\d+", re.sub(r"\(.*?\)", "", row))]
    results = read_results(section, profile)
    assert shown == pytest.approx([float(results[name]) for name in SCORES[section].split()], abs=6e-4)


TABLE = {  # notebook and result of a row of README's table
    "9.2, IoU, mean of the three classes": ("9_2", "mean_iou"),
    "9.2, IoU of the animal": ("9_2", "iou_animal"),
    "9.3, test accuracy of the mini-Xception": ("9_3", "test_accuracy_mini_xception"),
    "9.3, test accuracy of the plain convnet": ("9_3", "test_accuracy_baseline"),
    "9.4, share of Grad-CAM's energy on the animal": ("9_4", "energy_grad_cam"),
    "9.4, the same of a blob in the middle": ("9_4", "energy_best_blob"),
    "9.4, the same of a uniform map": ("9_4", "energy_uniform_map"),
}


@pytest.mark.parametrize("title", TABLE)
def test_table_has_the_results_that_are_stored(title):
    section, name = TABLE[title]
    row = next(line for line in README.splitlines() if line.startswith(f"| {title} |"))
    _, _, *numbers, _, _ = row.split("|")
    for profile, shown in zip(PROFILES, numbers, strict=True):
        results = read_results(section, profile)
        assert (results is not None) == bool(shown.strip())
        if results:
            assert float(shown) == pytest.approx(float(results[name]), abs=6e-4)


@pytest.mark.parametrize(
    ("stem", "accuracy"),
    [("9_3_convnet_architectures", "test_accuracy_mini_xception"), ("9_4_interpreting_convnets", "test_accuracy")],
)
def test_mini_xception_really_learns_in_the_sample(stem, accuracy):
    results = printed_results(stem)
    assert results["profile"] == "sample"
    assert float(results[accuracy]) >= 0.90


def test_heatmaps_are_on_the_animal_in_the_sample():
    results = printed_results("9_4_interpreting_convnets")
    energy = {name: float(results[f"energy_{name}"]) for name in ("grad_cam", "best_blob", "uniform_map")}
    assert energy["grad_cam"] >= 2.5 * energy["uniform_map"]
    assert energy["grad_cam"] > energy["best_blob"]
    assert results["verdict"] == "better than the best blob"


def test_strides_keep_the_place_better_than_pooling_in_the_sample():
    results = printed_results("9_2_image_segmentation")
    assert float(results["dots_iou_strides"]) > float(results["dots_iou_max_pooling"]) + 0.15


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/measurements.md"])
def test_links_lead_somewhere(name):
    links = re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / name).read_text(encoding="utf-8"))
    assert links
    missing = [link for link in links if not (ROOT / name).parent.joinpath(link).exists()]
    assert not missing


def test_commands_exist():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = set(re.findall(r"\bmake ([a-z-]+)\b", README))
    assert {"notebooks", "test", "data"} <= named
    assert named <= set(targets)
    scripts = set(re.findall(r"scripts/\w+\.py", README))
    assert scripts
    assert all((ROOT / script).exists() for script in scripts)


def test_recipes_are_those_measured():
    measurements = ROOT / "docs" / "measurements"
    trainings = json.loads((measurements / "9_2_recipes.json").read_text(encoding="utf-8"))["trainings"]
    _, _, table = measurements.with_suffix(".md").read_text(encoding="utf-8").partition("| way to train |")
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.split("\n\n")[0].splitlines()[2:]]
    assert len(rows) == sum(map(bool, trainings.values()))
    for way, *shown in rows:
        (seeds,) = [seeds for name, seeds in trainings.items() if way.startswith(name)]
        assert [cell for cell in shown if cell != "not run"] == [f"{seed['left']}" for seed in seeds.values()]
