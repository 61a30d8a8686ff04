"""What a reader does: turns a knob and runs the cells again, in the same kernel; at the smallest scale."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import sample_pets
from helpers.knobs import KNOB_TAGS, find_knobs
from helpers.lessons import NOTEBOOKS, is_tagged, read_lesson
from notebook_checks.outputs import flatten
from notebook_source import STEMS, find_cells

SMALL_9_2 = {"PICTURES": 24, "VALIDATION": 8, "IMAGE_SIZE": 16, "FILTERS": (2, 4), "EPOCHS": 1}
SMALL_9_3 = {"PICTURES": (12, 4, 4), "IMAGE_SIZE": 78, "FILTERS": (2, 4), "BASELINE_FILTERS": (2,) * 5, "EPOCHS": 1}
SMALL_9_4 = {
    **{"LESSONS": {"9_2": SMALL_9_2, "9_3": SMALL_9_3}, "BACKBONE": "mini-Xception", "WEIGHTS": "untrained"},
    **{"BASE": None, "CAT_PICTURE": 0, "PICTURE": 1, "CLASS": None, "CHANNEL": 0, "FILTER_LAYERS": None},
    **{"IMAGES_PER_ROW": 16, "CHANNELS_SHOWN": 16},
    **{"FILTER": 0, "PATTERNS": 2, "PATTERN_SIZE": 24, "STEPS": 2, "RATE": 5.0, "CROP": 2, "CAM_LAYER": 3},
    **{"SCORED": 6, "RANDOMISED": 4, "DRAWS": 1},
    **{"PICTURES": (12, 4, 4), "IMAGE_SIZE": 24, "FILTERS": (2, 4), "EPOCHS": 1, "LEARNING_RATE": 0.01},
}
SMALLEST = {
    "9_2_image_segmentation": {
        **SMALL_9_2,
        **{"BATCH_SIZE": 8, "DOT_EPOCHS": 1, "DECAY": False, "LEARNING_RATE": 0.003, "PRECISION": "float32"},
    },
    "9_3_convnet_architectures": {
        **{"PICTURES": (12, 4, 4), "IMAGE_SIZE": 24, "FILTERS": (2, 4), "BASELINE_FILTERS": (2, 4), "EPOCHS": 2},
        **{"BATCH_SIZE": 8, "MOMENTUM": 0.9, "ROTATION": 0.0, "ZOOM": 0.0, "LEARNING_RATE": 0.01, "DECAY": False},
        **{"DEPTHS": (1, 2), "BATCHES": 8, "WIDTHS": (2, 3), "ABLATION_SIZE": 16, "ABLATION_FILTERS": (2,)},
        **{"ABLATION_EPOCHS": 1, "ABLATION_SEEDS": 1, "PRECISION": "float32"},
    },
    "9_4_interpreting_convnets": SMALL_9_4,
    "9_5_are_heatmaps_right": {"LESSON": SMALL_9_4, "TRAININGS": 1, "SOME": 4, "COVERED": 2},
}
VALUES = {  # three of each knob; two where there are no more
    "9_2_image_segmentation": {
        "PICTURES": (12, 20, 24),
        "CLASS_NAMES": (("pet", "background", "rim"), ("1", "2", "3"), ("a", "b", "c", "d")),
        "VALIDATION": (5, 8, 23),
        "MIRROR": (False, True),
        "IMAGE_SIZE": (16, 24, 40),
        "FILTERS": ((2,), (2, 4), (4, 2, 3)),
        "EPOCHS": (1, 2, 3),
        "BATCH_SIZE": (1, 7, 64),
        "LEARNING_RATE": (1e-4, 1e-3, 0.1),
        "DECAY": (False, True),
        "PRECISION": ("float32", "mixed_bfloat16"),
        "DEVICES": (2, 1),  # the processor is divided once
        "DOT_EPOCHS": (1, 2, 3),
        "SHOWN_PICTURE": (0, 1, 23),
        "SHOWN_PREDICTION": (0, 1, 7),
        "SEED": (0, 1, 2),
    },
    "9_3_convnet_architectures": {
        "PICTURES": ((12, 4, 4), (8, 6, 5), (4, 2, 14)),
        "IMAGE_SIZE": (24, 25, 40),
        "FILTERS": ((2,), (2, 4), (4, 2, 3)),
        "BASELINE_FILTERS": ((2,), (2, 4), (4, 2, 3)),
        "ROTATION": (0.0, 0.1, 0.5),
        "ZOOM": (0.0, 0.2, 0.5),
        "MOMENTUM": (0.5, 0.9, 0.99),
        "EPOCHS": (1, 2, 3),
        "BATCH_SIZE": (1, 7, 64),
        "LEARNING_RATE": (1e-4, 1e-3, 0.1),
        "DECAY": (False, True),
        "PRECISION": ("float32", "mixed_bfloat16"),
        "DEVICES": (2, 1),
        "DEPTHS": ((1,), (1, 2), (3, 1, 2)),
        "BATCHES": (1, 8, 50),
        "WIDTHS": ((2,), (2, 3), (1, 5, 4)),
        "ABLATION_SIZE": (16, 17, 24),
        "ABLATION_FILTERS": ((2,), (2, 4), (4, 2, 3)),
        "ABLATION_EPOCHS": (1, 2, 3),
        "ABLATION_SEEDS": (1, 2, 3),
        "SEED": (0, 1, 2),
    },
    "9_4_interpreting_convnets": {
        "PROFILE": ("book", "sample"),  # other knobs of the lessons, and other pictures to score
        "LESSONS": [{"9_2": SMALL_9_2, "9_3": SMALL_9_3 | {"IMAGE_SIZE": size}} for size in (78, 79, 96)],
        "BACKBONE": ("mini-Xception", "MobileNet", "MobileNetV2"),
        "WEIGHTS": ("own", "untrained"),
        "BASE": (None, ("MobileNet", "untrained"), ("mini-Xception", "own")),
        "CAT_PICTURE": (0, 1, 7),
        "PICTURE": (0, 1, 7),
        "CLASS": ("cat", 1),
        "CHANNEL": (0, 1),
        "CHANNELS_SHOWN": (1, None),
        "IMAGES_PER_ROW": (1, 5, 16),
        "FILTER_LAYERS": (None, ("conv2d",), ("separable_conv2d_2", "separable_conv2d_1")),
        "FILTER": (0, 1),
        "PATTERNS": (1, 2, 9),
        "PATTERN_SIZE": (24, 25, 40),
        "STEPS": (1, 2, 3),
        "RATE": (0.1, 1.0, 50.0),
        "CROP": (0, 2, 11),
        "CAM_LAYER": (1, 30, "conv2d"),
        "COLORMAP": ("magma", "viridis", "jet"),
        "OPACITY": (0.0, 0.4, 1.0),
        "SCORED": (2, 6, 8),
        "RANDOMISED": (1, 2, 6),
        "DRAWS": (1, 2, 3),
        "FRESH": (1, 1000, 5000),
        "PICTURES": ((12, 4, 4), (8, 6, 5), (10, 3, 6)),
        "IMAGE_SIZE": (24, 25, 40),
        "FILTERS": ((2,), (2, 4), (4, 2, 3)),
        "EPOCHS": (1, 2, 3),
        "LEARNING_RATE": (1e-4, 1e-3, 0.1),
        "PAIR": (1, 2, 11),
        "SEED": (0, 1, 2),
    },
    "9_5_are_heatmaps_right": {
        "LESSON": [SMALL_9_4 | {"SCORED": count} for count in (2, 6, 8)],
        "TRAININGS": (1, 2, 3),
        "SOME": (2, 4, 6),
        "COVERED": (1, 2, 4),
        "STORED": ("none.json",),  # results of another recipe are not shown, and the smallest run has one
    },
}
# Knobs that a training depends on: the others must not train anew. LESSON and LESSONS hold such knobs.
TRAINING = {"EPOCHS", "BATCH_SIZE", "LEARNING_RATE", "DECAY", "PRECISION", "DEVICES", "SEED", "IMAGE_SIZE", "FILTERS"}
TRAINING |= {
    "PICTURES",
    "VALIDATION",
    "MIRROR",
    "CLASS_NAMES",
    "DOT_EPOCHS",
    "MOMENTUM",
    "ROTATION",
    "ZOOM",
    "BASELINE_FILTERS",
}
TRAINING |= {"ABLATION_SIZE", "ABLATION_FILTERS", "ABLATION_EPOCHS", "ABLATION_SEEDS", "TRAININGS", "LESSON", "LESSONS"}
SOURCES = ("PROFILE", "DATA", "BUILD")  # knobs that change where something comes from or goes to, and mostly no output


def turn(source, values):
    """Return the source of the parameters cell with other values for some knobs, as a reader would write them."""
    lines = source.splitlines(keepends=True)
    for name, node in reversed(find_knobs(source).items()):
        if name in values:
            first, last = lines[node.lineno - 1], lines[node.end_lineno - 1]
            line = f"{first[: node.value.col_offset]}{values[name]!r}{last[node.end_col_offset :]}"
            lines[node.lineno - 1 : node.end_lineno] = [line]
    return "".join(lines)


def versions(stem, settings):
    """Yield the code cells of a notebook once for each of `settings`, dicts of knobs to values."""
    for values in settings:
        for cell in read_lesson(stem).cells:
            if cell.cell_type == "code":
                if is_tagged(cell, *KNOB_TAGS):
                    cell.source = turn(cell.source, values)
                yield cell


def execute(cells):
    """Run cells in one new kernel.

    Returns:
        The essence of what each shows; nothing of the cell that prints the results, for it repeats knobs, and of
        those tagged `times`, which differ at every run.
    """
    cells = [nbformat.v4.new_code_cell(cell.source, metadata=cell.metadata) for cell in cells]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    shown = []
    for cell in notebook.cells:
        kept = "save_results(" not in cell.source and not is_tagged(cell, "times")
        pairs = flatten(cell.outputs) if kept else []
        shown.append([(kind, essence(content)) for kind, content in pairs if kind not in ("stderr", "text/html")])
    return shown


def essence(content):
    """Return a text without spaces and without the numbers that Keras gives to layers; they move a table's lines."""
    content = re.sub(r"_\d+|\s", "", content)
    return "".join(sorted(re.sub("[─-╿]", "", content))) if "┃" in content else content


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Three folders for data, each with pets as the `book` profile expects them, and three to build in."""
    folders = {name: [str(tmp_path_factory.mktemp(name)) for _ in range(3)] for name in ("DATA", "BUILD")}
    for data in folders["DATA"]:
        sample_pets.write_sample_pets(f"{data}/oxford-pets", count=24, workers=1)
        sample_pets.write_sample_pets(f"{data}/dogs-vs-cats", count=40, portraits=1.0, layout="kaggle", workers=1)
        Path(data, "weights").mkdir()
        Path(data, "weights", "imagenet_class_index.json").write_text(
            json.dumps({i: (f"n{i}", i) for i in range(1000)})
        )
    # Each notebook builds in folders of its own, since 9.4 takes the networks of the last run of 9.3.
    builds = {stem: {"BUILD": [f"{build}/{stem}" for build in folders["BUILD"]]} for stem in STEMS}
    return {stem: {"PROFILE": ("book", "sample"), **folders, **build} for stem, build in builds.items()}


@pytest.fixture
def smallest(sources):
    """The settings of the smallest run of each notebook."""
    return {
        stem: settings | {name: values[0] for name, values in sources[stem].items()}
        for stem, settings in SMALLEST.items()
    }


def list_trained(stem, smallest):
    """Return the states of trained networks and when they were written; run the smallest run if it was not run yet."""
    models = Path(smallest[stem]["BUILD"], "models")
    if not models.exists():
        execute(versions(stem, [smallest[stem]]))
    return {(state, state.stat().st_mtime_ns) for state in models.rglob("state.npz")}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("PROFILE", "MPLBACKEND", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def test_turned_knob_keeps_the_rest_of_its_line():
    source = "A = knob(sample=1, book=2)  # größer\nB = (\n    1,\n    2,\n)  # pair\nA_B = 1\n"
    assert turn(source, {"A": 3, "B": "x"}) == "A = 3  # größer\nB = 'x'  # pair\nA_B = 1\n"


@pytest.mark.parametrize("stem", STEMS)
def test_every_knob_is_tried(stem):
    (parameters,) = find_cells(stem, "parameters")
    constants = [name for source in find_cells(stem, "constants") for name in find_knobs(source)]
    assert {*VALUES[stem], *SOURCES} == {*find_knobs(parameters), *constants}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stem", "name"), [(stem, name) for stem in STEMS for name in sorted({*SOURCES, *VALUES[stem]})]
)
def test_knob_with_three_values_in_one_kernel(stem, name, sources, smallest):
    values = VALUES[stem].get(name) or sources[stem][name]
    keeps = name not in {*TRAINING, *SOURCES}
    try:
        before = list_trained(stem, smallest) if keeps else set()
        shown = execute(versions(stem, [smallest[stem] | {name: value} for value in values]))
    except CellExecutionError as error:
        pytest.fail(f"{name} with the values {values}: {error}")
    if keeps:
        assert list_trained(stem, smallest) == before, f"{name} with the values {values} trains anew"
    size = len(shown) // len(values)
    runs = [shown[start : start + size] for start in range(0, len(shown), size)]
    if name not in VALUES[stem]:
        changed = [
            number for number, cells in enumerate(zip(*runs, strict=True), 1) if any(cells[0] != c for c in cells)
        ]
        assert not changed, f"{name} with the values {values} changed the output of the cells {changed}"
    else:
        different = len(set(map(str, runs)))
        assert different == len(values), f"{name} with the values {values} has no effect: {different} different runs"


@pytest.mark.slow
@pytest.mark.parametrize("stem", STEMS)
def test_every_cell_runs_twice_and_shows_the_same(stem, smallest):
    shown = execute(cell for cell in versions(stem, [smallest[stem]]) for _ in range(2))
    assert shown[::2] == shown[1::2]
