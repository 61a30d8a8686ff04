#!/usr/bin/env python3
"""Measure the project against the book's formulation: the same work on the same data, in turns, in one run.

python scripts/benchmark.py                          # everything, a quarter of an hour on two cores
python scripts/benchmark.py --only read --only cam   # some of it
python scripts/benchmark.py --small                  # a minute: the results are checked, the ratios mean nothing

Results go to build/benchmark/benchmark.json, plots beside it. Exits with 1 if results that should agree do not.
"""

import argparse
import io
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from helpers import devices
from helpers.lessons import load_lesson
from helpers.pets import list_pets, load_pets
from helpers.start import start_keras
from machinery.peak_memory import PeakMemory
from sample_pets import write_sample_pets

ROOT = Path(__file__).resolve().parent.parent

LIGHT = "caching devices dogs_vs_cats files knobs lessons pets pictures plots progress results start".split()


@dataclass(frozen=True)
class Scale:
    """How much work is measured; the second number is that of `--small`."""

    pictures: int = 7390
    original: tuple = (500, 375)
    size: int = 200
    steps_92: int = 2
    side_92: int = 200
    seeds: int = 3
    iou_apart: float = 0.01  # how far the mean IoU of two precisions may be apart
    iou_knobs: dict = field(default_factory=dict)
    steps_93: int = 8
    side_93: int = 180
    filters_93: tuple = (32, 64, 128, 256, 512)
    patterns: int = 64
    ascent_steps: int = 30
    repeats: int = 5


SMALL = Scale(
    pictures=40,
    original=(120, 90),
    size=40,
    steps_92=1,
    side_92=16,
    seeds=1,
    iou_apart=0.1,  # of 20 pictures
    iou_knobs={"PICTURES": 60, "VALIDATION": 20, "IMAGE_SIZE": 16, "FILTERS": (4, 8), "EPOCHS": 1},
    steps_93=2,
    side_93=32,
    filters_93=(32, 64),
    patterns=2,
    ascent_steps=2,
    repeats=2,
)


@dataclass
class Row:
    """One line of the table. Times are medians in seconds; a ratio above 1 means that ours is faster."""

    work: str
    ours: float
    book: float | None = None
    target: str = ""
    reached: bool = True
    floor: float | None = None  # seconds that the machine's own speed allows
    agree: bool = True
    notes: list = field(default_factory=list)

    @property
    def ratio(self):
        """How many times faster ours is, or None where there is nothing to compare."""
        return self.book / self.ours if self.book else None


def alternate(functions, repeats, warm=1):
    """Return for each function the times of its calls in seconds, taken in turns, and its last result."""
    times, results = {name: [] for name in functions}, {}
    for number in range(warm + repeats):
        for name, function in functions.items():
            results.pop(name, None)  # at most one large result of each is alive
            started = time.perf_counter()
            results[name] = function()
            if number >= warm:
                times[name].append(time.perf_counter() - started)
    return times, results


def compare(work, times, target, limit, **more):
    """Return the row of two functions, "ours" and "book", that should differ by a factor of `limit` at least."""
    ours, book = statistics.median(times["ours"]), statistics.median(times["book"])
    row = Row(work, ours, book, target, book / ours >= limit, **more)
    each = [b / o for b, o in zip(times["book"], times["ours"], strict=True)]
    row.notes.append(f"ratio from {min(each):.2f} to {max(each):.2f} over {len(each)} turns")
    return row


# The machine


@cache
def matrix_rate(dtype="float32"):
    """Return how many floating-point operations a second a large matrix product reaches."""
    import tensorflow as tf

    factor = tf.cast(tf.random.stateless_uniform((2048, 2048), (1, 2)), dtype)
    product = tf.function(lambda: tf.reduce_sum(tf.matmul(factor, factor)))
    times, _ = alternate({"product": lambda: float(product())}, 5)
    return 2 * 2048**3 / min(times["product"])


def decode_rate(paths):
    """Return how many pictures a second one core decodes, without resizing or anything else."""
    paths = paths[:100]
    times, _ = alternate({"decode": lambda: [Image.open(path).convert("RGB") for path in paths]}, 3)
    return len(paths) / min(times["decode"])


# Data


def draw_originals(folder, count, size):
    """Make pictures as large as those of Oxford-IIIT Pet: drawn pets, enlarged, with grain, about 100 KB each."""
    done = folder / f"{count} of {size}"
    if not done.exists():
        drawn = folder.parent / "drawn"
        write_sample_pets(drawn, count=min(count, 3000))
        pairs = list(zip(*list_pets(drawn), strict=True))
        for part in ("images", "annotations/trimaps"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        for index in tqdm(range(count), desc="Making originals", disable=False):
            picture, trimap = (Image.open(path) for path in pairs[index % len(pairs)])
            shape = size if picture.width >= picture.height else size[::-1]
            grain = np.random.default_rng(index).normal(0, 6, (*shape[::-1], 1))
            pixels = np.asarray(picture.convert("RGB").resize(shape, Image.Resampling.BICUBIC)) + grain
            name = f"pet_{index:05}"
            Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(folder / f"images/{name}.jpg", quality=92)
            resized = trimap.resize(shape, Image.Resampling.NEAREST)
            resized.save(folder / f"annotations/trimaps/{name}.png")
        done.touch()
    return list_pets(folder)


def draw_pictures(count, side):
    """Return random pictures uint8 (count, side, side, 3) and classes of two kinds: of pixels and of pictures."""
    dice = np.random.default_rng(0)
    pictures = dice.integers(0, 256, (count, side, side, 3), "uint8")
    return pictures, (pictures[..., :1] // 86).astype("uint8"), np.arange(count) % 2


def peak_of(code, *arguments):
    """Run code in a process of its own; return its largest memory in bytes and the JSON that it prints."""
    code = f"import sys\n{code}"
    with PeakMemory() as memory:
        run = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(run.stderr)
    return memory.peak, json.loads(run.stdout.splitlines()[-1])


# The rows


def measure_reading(scale, folder):
    """Read pictures and masks; and read them again, as after a change of another knob."""
    import plain

    paths = draw_originals(folder / "originals", scale.pictures, scale.original)
    with tempfile.TemporaryDirectory(dir=folder) as kept:
        ways = {
            "ours": lambda: load_pets(*paths, scale.size),
            "book": lambda: plain.read_pets(*paths, scale.size),
        }
        times, results = alternate(ways, 3, warm=0)
        ours, book = results["ours"][:2], results["book"]
        agree = all(np.array_equal(one, other) for one, other in zip(ours, book, strict=True))
        smaller = sum(array.nbytes for array in book) / sum(array.nbytes for array in ours)
        pictures_smaller = book[0].nbytes / ours[0].nbytes
        del ours, book, results
        peak, _ = peak_of(
            "from pathlib import Path\nfrom helpers.pets import *\npaths = list_pets(sys.argv[1])\n"
            "load_pets(*paths, int(sys.argv[2]), cache=Path(sys.argv[3]))\nprint(1)",
            *(folder / "originals", scale.size, kept),
        )
        again, _ = alternate({"ours": lambda: load_pets(*paths, scale.size, cache=kept)}, 5, warm=1)
    cores = os.cpu_count()
    floor = len(paths[0]) / decode_rate(paths[0]) / cores
    row = compare(
        f"read {scale.pictures:,} pets to {scale.size}×{scale.size}", times, "3 times", 3, floor=floor, agree=agree
    )
    row.notes.append(
        f"pictures {pictures_smaller:.0f} times smaller, with masks {smaller:.1f}; the floor is the decoding alone"
    )
    row.notes.append(f"whole process with the cache: {peak / 1e9:.2f} GB (1.5 allowed)")
    row.reached &= pictures_smaller == 4 and peak <= 1.5e9
    times["ours"] = again["ours"][:3]
    return [row, compare("the same again", times, "50 times", 50)]


def train_epoch(model, pictures, targets, batch_size):
    """Train one epoch; all are fed in the same way, without waiting at the end (see `helpers.training.feed`)."""
    from helpers.training import Batches, feed

    model.fit(feed(Batches(pictures, targets, batch_size)), epochs=1, shuffle=False, verbose=0)


def measure_segmentation(scale, folder):
    """Train the network of 9.2 for an epoch in 32 bits and in the fastest precision; and to its end in both."""
    import keras

    build = load_lesson("9_2_image_segmentation").build_segmentation_network
    pictures, masks, _ = draw_pictures(64 * scale.steps_92, scale.side_92)
    precisions = {"ours": "fastest", "book": "float32"}
    ways = {}
    for name, precision in precisions.items():
        with devices.use(1, precision):
            model = build(scale.side_92)
            model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy")
        ways[name] = partial(train_epoch, model, pictures, masks, 64)
    work = f"9.2, epoch of {len(pictures)} at {scale.side_92}×{scale.side_92}, batch 64"
    times, _ = alternate(ways, min(scale.repeats, 3))
    row = compare(work, times, "1.4 times", 1.4)
    operations = 6 * count_work(model) * len(pictures)  # forwards, and twice as much backwards
    policy = devices.fastest_precision()
    row.floor = operations / matrix_rate("bfloat16" if policy != "float32" else "float32")
    row.notes.append(f"precision {policy}; the floor is the products at this machine's rate in that precision")
    if policy == "float32":
        row.notes.append("no bfloat16 instructions here, so both are the same")
        row.reached = True
    keras.utils.clear_session()
    scores = {name: [] for name in precisions}
    for seed in range(1, 1 + scale.seeds):
        for name, precision in precisions.items():
            scores[name].append(score_segmentation(folder, scale, seed, precision))
    means = {name: statistics.mean(values) for name, values in scores.items()}
    row.agree = abs(means["ours"] - means["book"]) <= scale.iou_apart
    row.notes.append(
        f"mean IoU of the sample's training, {scale.seeds} seeds: {means['ours']:.4f}, in 32 bits {means['book']:.4f}"
    )
    return [row]


def score_segmentation(folder, scale, seed, precision):
    """Train the sample's network of 9.2 and return its mean IoU on the validation pictures."""
    cells = ["setup", "step-9.2-1", "step-9.2-2", "step-9.2-5", "step-9.2-7"]
    knobs = {
        "PROFILE": "sample",
        "DATA": str(folder),
        "BUILD": str(folder),
        "SEED": seed,
        "PRECISION": precision,
    }
    with redirect_stdout(io.StringIO()):
        lesson = load_lesson("9_2_image_segmentation", cells, **knobs, **scale.iou_knobs)
    predicted = lesson.predict_masks(lesson.model, lesson.val_images)
    return lesson.segmentation_scores(lesson.val_masks, predicted)["mean_iou"]


def count_work(model):
    """Return the multiplications of a model's convolutions and dense layers for one picture."""
    from keras import layers

    total = 0
    for layer in model.layers:
        if isinstance(layer, layers.Conv2DTranspose):
            total += math.prod(layer.input.shape[1:-1]) * math.prod(layer.kernel.shape)
        else:
            total += count_multiplications()(layer)
    return total


@cache
def count_multiplications():
    """Return the function of notebook 9.3."""
    return load_lesson("9_3_convnet_architectures").count_multiplications


def measure_mini_xception(scale, folder):
    """Train the mini-Xception for an epoch, with Keras's batch norm and with the fused one."""
    import keras

    import plain

    lesson = load_lesson("9_3_convnet_architectures", PROFILE="book")
    pictures, _, labels = draw_pictures(32 * scale.steps_93, scale.side_93)
    kinds = {"ours": (None, "float32"), "book": (plain.xception_block, "float32"), "fastest": (None, "fastest")}
    block, ways, losses = lesson.xception_block, {}, {}
    for name, (plainly, precision) in kinds.items():
        lesson.xception_block = plainly or block
        keras.utils.set_random_seed(1)
        with devices.use(1, precision):
            model = lesson.build_mini_xception(scale.side_93, scale.filters_93)
            model.compile(optimizer="rmsprop", loss="binary_crossentropy")
        losses[name] = float(model.train_on_batch(pictures[:32], labels[:32]))
        ways[name] = partial(train_epoch, model, pictures, labels, 32)
    lesson.xception_block = block
    times, _ = alternate(ways, scale.repeats)
    work = f"9.3, mini-Xception, epoch of {len(pictures)} at {scale.side_93}×{scale.side_93}, batch 32"
    row = compare(work, times, "1.5 times", 1.5)
    worst = compare_batch_norm()
    row.agree = worst <= 1e-4 and abs(losses["ours"] - losses["book"]) <= 1e-4
    row.floor = 6 * count_work(model) * len(pictures) / matrix_rate()
    row.notes.append("32 bits in both; the floor is the products of the convolutions at this machine's rate")
    row.notes.append(
        f"batch norm's outputs, gradients and averages differ by {worst:.1e} at most, the first loss by "
        f"{abs(losses['ours'] - losses['book']):.1e}"
    )
    fastest = compare(f"the same in {devices.fastest_precision()}", {**times, "ours": times["fastest"]}, "", 0)
    return [row, fastest]


def compare_batch_norm():
    """Return the largest difference between Keras's batch norm and the fused one: outputs, gradients, averages."""
    import tensorflow as tf
    from keras import layers, ops

    from plain import KerasBatchNormalization

    maps = tf.random.stateless_normal((32, 45, 45, 64), (1, 2), 2.0, 3.0)
    target = tf.random.stateless_normal(maps.shape, (3, 4))
    seen = []
    for kind in (KerasBatchNormalization, layers.BatchNormalization):
        layer = kind(momentum=0.9)
        with tf.GradientTape() as tape:
            tape.watch(maps)
            outputs = layer(maps, training=True)
            loss = tf.reduce_mean((outputs - target) ** 2)
        gradients = tape.gradient(loss, [maps, layer.gamma, layer.beta])
        seen.append([outputs, *gradients, layer.moving_mean, layer.moving_variance])
    return max(float(np.abs(ops.convert_to_numpy(a - b)).max()) for a, b in zip(*seen, strict=True))


def measure_patterns(scale, folder):
    """Grow the patterns of the first filters of Xception's block3_sepconv1, each with the same steps."""
    import keras
    from keras import ops

    import plain

    keras.utils.set_random_seed(1)
    base = keras.applications.Xception(weights=None, include_top=False)
    side = scale.size
    extractor = keras.Model(base.input, base.get_layer("block3_sepconv1").output)
    lesson = load_lesson("9_4_interpreting_convnets")
    ours = lesson.build_ascent(extractor, keras.applications.xception.preprocess_input)
    book = plain.build_ascent(extractor)
    start = keras.random.uniform((1, side, side, 3), -0.1, 0.1, seed=1)
    rate = ops.convert_to_tensor(1.0)

    def grow(step):
        picture = start
        for _ in range(scale.ascent_steps):
            picture = step(picture)
        return ops.convert_to_numpy(picture)

    times, worst = {"ours": 0.0, "book": 0.0}, 0.0
    for index in tqdm(range(scale.patterns), desc="Growing patterns", disable=False, leave=False):
        number = ops.convert_to_tensor(index)
        ways = {
            "ours": partial(grow, lambda picture, number=number: ours(picture, number, rate)[0]),
            "book": partial(grow, lambda picture, index=index: book(picture, index, rate)),
        }
        taken, results = alternate(ways, 1, warm=0)
        times = {name: times[name] + taken[name][0] for name in times}
        pictures = (results["ours"], results["book"], start)
        one, other, before = (
            float(lesson.filter_response(extractor(picture, training=False), index)[0]) for picture in pictures
        )
        worst = max(worst, abs(one - other) / abs(other - before))
    row = compare(
        f"{scale.patterns} patterns of block3_sepconv1, {scale.ascent_steps} steps",
        {name: [seconds] for name, seconds in times.items()},
        "1.3 times",
        1.3,
        agree=worst <= 1e-2,
    )
    keras_model = keras.Model(base.input, extractor.output)
    sized = keras.models.clone_model(keras_model, input_tensors=keras.Input((side, side, 3)))
    row.floor = 4 * count_work(sized) * scale.patterns * scale.ascent_steps / matrix_rate()
    traces = ours.experimental_get_tracing_count(), book.experimental_get_tracing_count()
    row.notes = [
        f"compilations: {traces[0]} against {traces[1]}; the rise of a response differs by {worst:.2%} at most"
    ]
    row.notes.append(f"{row.ours / row.floor:.1f} times the floor: the products of the convolutions, there and back")
    return [row]


def measure_grad_cam(scale, folder):
    """Make the heatmap of one picture with Xception, after a first one that compiles."""
    import keras
    from keras import ops

    import plain

    keras.utils.set_random_seed(1)
    network, layer = keras.applications.Xception(weights=None), "block14_sepconv2_act"
    lesson = load_lesson("9_4_interpreting_convnets")
    picture = np.random.default_rng(0).uniform(-1, 1, (1, 299, 299, 3)).astype("float32")
    halves = lesson.split_at(network, layer)  # with its softmax, as the book does
    plainly = plain.build_grad_cam(network, layer)
    ways = {
        "ours": lambda: lesson.grad_cam(*halves, picture, lambda answers: ops.max(answers, axis=-1))[0],
        "book": lambda: plainly(picture),
    }
    times, results = alternate(ways, 2 * scale.repeats, warm=2)
    largest = np.abs(results["book"]).max()
    agree = np.allclose(results["ours"], results["book"], rtol=1e-3, atol=1e-3 * largest)
    row = compare("Grad-CAM of one picture, Xception", times, "2.5 times", 2.5, agree=bool(agree))
    row.floor = 2 * count_work(network) / matrix_rate()
    return [row]


def measure_chapter(scale, folder):
    """Execute all notebooks in the sample profile, trainings included."""
    with tempfile.TemporaryDirectory(dir=folder) as out, PeakMemory() as memory:
        started = time.perf_counter()
        command = [sys.executable, ROOT / "scripts/run_notebooks.py", "--out", out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
    row = Row("whole chapter, profile sample", seconds, target="8 min, 3 GB")
    row.reached = seconds <= 480 and memory.peak <= 3e9
    row.notes.append(f"peak memory {memory.peak / 1e9:.2f} GB")
    return [row]


def measure_imports(scale, folder):
    """Import the helpers in a process of their own."""
    code = "import time\nstarted = time.perf_counter()\nfor name in sys.argv[1:]: __import__(f'helpers.{name}')\n"
    code += "print(__import__('json').dumps([time.perf_counter() - started, 'tensorflow' in sys.modules]))"
    runs = [peak_of(code, *LIGHT)[1] for _ in range(2 * scale.repeats)]
    row = Row("import of the helpers", statistics.median(seconds for seconds, _ in runs), target="0.3 s")
    row.reached = row.ours <= 0.3 and not any(loaded for _, loaded in runs)
    row.notes.append("without Keras and TensorFlow")
    return [row]


def plot_ratios(path, rows):
    """Save a bar for each ratio, beside what the floor would allow."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(8, 0.55 * len(rows) + 1), layout="constrained")
    bars = ax.barh([row.work for row in rows], [row.ratio for row in rows], color="C0", label="seen here")
    ax.bar_label(bars, [f"{row.ratio:.3g}" for row in rows], padding=3, fontsize=8)
    bounded = [row for row in rows if row.floor]
    ax.plot([row.book / row.floor for row in bounded], [row.work for row in bounded], "k|", ms=14, label="at the floor")
    ax.axvline(1, color="0.4", linewidth=1)
    ax.set(xscale="log", xlabel="times faster than the book's formulation")
    ax.set_xlim(right=2 * max(row.ratio for row in rows))
    ax.invert_yaxis()
    ax.legend(fontsize=8, loc="lower right")
    fig.savefig(path, dpi=100)
    plt.close(fig)


WORK = {
    "read": measure_reading,
    "segmentation": measure_segmentation,
    "mini-xception": measure_mini_xception,
    "patterns": measure_patterns,
    "cam": measure_grad_cam,
    "chapter": measure_chapter,
    "imports": measure_imports,
}


def show(rows):
    """Print the table."""
    width = max(len(row.work) for row in rows)
    print(f"\n{'work':{width}}  {'book':>9}  {'ours':>9}  {'ratio':>6}  {'to reach':12} {'floor':>9}  results")
    for row in rows:
        ratio = f"{row.ratio:.2f}" if row.ratio else ""
        target = f"{row.target}{'' if row.reached else ' (not)'}"
        agree = ("agree" if row.book else "") if row.agree else "DIFFER"
        cells = (
            f"{seconds(row.book):>9}  {seconds(row.ours):>9}  {ratio:>6}  {target:18} {seconds(row.floor):>9}  {agree}"
        )
        print(f"{row.work:{width}}  {cells}")
        for note in row.notes:
            print(f"{'':{width}}    {note}")


def seconds(value):
    """Return a time as text."""
    if value is None:
        return ""
    return f"{value:.1f} s" if value >= 10 else f"{value:.2f} s" if value >= 0.1 else f"{value * 1e3:.1f} ms"


def main(argv=None):
    """Parse the command line, measure, print the table; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=WORK, help="measure this only; repeatable")
    parser.add_argument("--small", action="store_true", help="as little work as possible: checks the results alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the results")
    parser.add_argument("--out", type=Path, default=ROOT / "build/benchmark", metavar="DIR", help="data and plots")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    os.environ["TQDM_DISABLE"] = "1"  # bars of the helpers would be measured, too
    scale = SMALL if options.small else Scale()
    start_keras()
    machine = {
        "cores": os.cpu_count(),
        "float32, GFLOP/s": round(matrix_rate() / 1e9),
        "bfloat16, GFLOP/s": round(matrix_rate("bfloat16") / 1e9),
        "precision": devices.fastest_precision(),
    }
    print("this machine:", ", ".join(f"{name} {value}" for name, value in machine.items()))
    rows = []
    for name in options.only or WORK:
        print(f"measuring {name}", flush=True)
        rows += WORK[name](scale, options.out)
        record = {"machine": machine, "rows": [asdict(row) | {"ratio": row.ratio} for row in rows]}
        (options.json or options.out / "benchmark.json").write_text(json.dumps(record, indent=2) + "\n")
    show(rows)
    if compared := [row for row in rows if row.ratio]:
        plot_ratios(options.out / "ratios.png", compared)
    return 0 if all(row.agree for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
