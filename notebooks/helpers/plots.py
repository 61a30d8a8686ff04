"""Plots: fixed colours for the classes, legends, and a text for those who cannot see the figure."""

import itertools
import math

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch, Rectangle

# Of each class, in the order of the classes; colour-blind eyes can tell them apart, too.
CLASS_COLORS = {"animal": "#E69F00", "background": "#0B3C5D", "outline": "#F7F2E8"}
OTHER_COLORS = ("#CC79A7", "#56B4E9", "#009E73", "#F0E442", "#D55E00", "#999999", "#000000", "#0072B2")
DPI = 80


def show(figure, alt):
    """Display a figure with an alternative text and close it.

    Args:
        figure: a matplotlib Figure.
        alt: what the figure shows, one sentence; it is kept in the notebook's output metadata.
    """
    figure.set_dpi(DPI)
    plt.close(figure)
    display(figure, metadata={"image/png": {"alt": alt}})


def show_picture(picture, title=None, ax=None):
    """Show a picture without axes.

    Args:
        picture: uint8 (height, width, 3).
        title: text above it.
        ax: Axes to draw on; new ones unless given.

    Returns:
        The Axes.
    """
    ax = ax or _make_axes(4, 4)
    ax.imshow(np.asarray(picture))
    ax.set_title(title, fontsize=10)
    ax.axis("off")
    return ax


def show_mask(mask, title=None, ax=None, names=tuple(CLASS_COLORS), legend=True):
    """Show a mask; a class has the same colour in every picture.

    Args:
        mask: integers (height, width): a class, by its place in `names`.
        title: text above it.
        ax: Axes to draw on; new ones unless given.
        names: of the classes, eight at most.
        legend: whether to name their colours below.

    Returns:
        The Axes.
    """
    ax = ax or _make_axes(4, 4)
    ax.imshow(
        np.asarray(mask),
        cmap=ListedColormap(list(choose_colors(names).values())),
        vmin=-0.5,
        vmax=len(names) - 0.5,
        interpolation="nearest",
    )
    ax.set_title(title, fontsize=10)
    ax.axis("off")
    if legend:
        ax.legend(**class_legend(names), loc="upper center", bbox_to_anchor=(0.5, 0.0))
    return ax


def choose_colors(names):
    """Return a dict of at most eight classes to colours: their own of `CLASS_COLORS`, a cat the animal's, or others."""
    others = iter(OTHER_COLORS)
    known = CLASS_COLORS | {"cat": CLASS_COLORS["animal"]}
    return {name: known[name] if name in known else next(others) for name in names}


def show_box(rows, columns, ax):
    """Draw a box around rows and columns, each a pair (first, last) of pixels, both inside."""
    (top, bottom), (left, right) = rows, columns
    corner = left - 0.5, top - 0.5  # half a pixel: a pixel's number is its middle
    size = right - left + 1, bottom - top + 1
    ax.add_patch(Rectangle(corner, *size, fill=False, edgecolor=CLASS_COLORS["animal"], linewidth=2))


def show_columns(pictures, *masks, titles, names=tuple(CLASS_COLORS)):
    """Show pictures side by side and below each its masks, with one legend for all.

    Args:
        pictures: uint8 (N, height, width, 3).
        masks: for each further row, integers (N, height, width, 1).
        titles: texts above the pictures, at least N.
        names: of the classes, as for `show_mask`.

    Returns:
        The Figure, and its Axes (rows, N).
    """
    columns, rows = len(pictures), 1 + len(masks)
    size = 1 + 10 * min(columns, 6) / 6, 0.4 + 1.8 * rows
    fig, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for column in range(columns):
        show_picture(pictures[column], titles[column], axes[0, column])
        for row, answers in enumerate(masks, start=1):
            show_mask(answers[column, ..., 0], None, axes[row, column], names, legend=False)
    fig.legend(**class_legend(names), loc="outside lower center")
    return fig, axes


def show_bars(series, labels, ax, fmt="%.2f", ylabel=None):
    """Draw for each label a group of bars, one bar of each series.

    Args:
        series: dict of names to values, one for each label.
        labels: texts below the groups.
        ax: Axes to draw on.
        fmt: how values are written above their bars; "" for not at all.
        ylabel: text beside the axis.
    """
    width = 0.8 / len(series)
    for number, (name, values) in enumerate(series.items()):
        places = np.arange(len(labels)) + width * (number - (len(series) - 1) / 2)
        bars = ax.bar(places, values, width, label=name)
        if fmt:
            ax.bar_label(bars, fmt=fmt, fontsize=8)
    ax.set_xticks(range(len(labels)), labels)
    ax.set_ylabel(ylabel)
    ax.legend(fontsize=8)


def class_legend(names):
    """Return the arguments of a legend that names the classes in one row."""
    patches = [Patch(facecolor=color, edgecolor="0.6", label=name) for name, color in choose_colors(names).items()]
    return {"handles": patches, "ncols": len(patches), "fontsize": 8, "frameon": False}


def tile(pictures, columns, margin=2, fill=0):
    """Lay pictures of one size out in rows.

    Args:
        pictures: array (N, height, width) or (N, height, width, 3), N at least 1.
        columns: how many a row; fewer pictures make a shorter row.
        margin: pixels between pictures.
        fill: value of the margins and of places that stay empty.

    Returns:
        An array of the same dtype: one picture of all.
    """
    pictures = np.asarray(pictures)
    count, height, width, *channels = pictures.shape
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    shape = rows * (height + margin) - margin, columns * (width + margin) - margin, *channels
    canvas = np.full(shape, fill, pictures.dtype)
    for index, picture in enumerate(pictures):
        top, left = index // columns * (height + margin), index % columns * (width + margin)
        canvas[top : top + height, left : left + width] = picture
    return canvas


def choose_columns(count):
    """Return how many columns a grid of pictures gets, so that its last row is full and it is no higher than wide."""
    return next(columns for columns in range(math.ceil(math.sqrt(count)), count + 1) if count % columns == 0)


def show_gallery(pictures, columns=2):
    """Show pictures in rows.

    Args:
        pictures: dict of titles to uint8 (height, width, 3), of one shape.
        columns: how many a row.

    Returns:
        The Figure.
    """
    height, width, _ = next(iter(pictures.values())).shape
    rows = math.ceil(len(pictures) / columns)
    size = 8, rows * (0.3 + 8 / columns * height / width)
    fig, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for ax in axes.flat:
        ax.axis("off")
    for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=False):
        show_picture(picture, title, ax)
    return fig


def show_curves(history, names, ax=None, title=None, guessing=None):
    """Plot training (dashed) and validation (solid) values against the epoch, from 1.

    Args:
        history: dict of lists of floats, one value an epoch, with NAME and val_NAME.
        names: the NAMEs to plot.
        ax: Axes to draw on; new ones unless given.
        title: text above it.
        guessing: what a network has that only guesses: a dotted line there.

    Returns:
        The Axes.
    """
    ax = ax or _make_axes(6, 3.5)
    if guessing is not None:
        ax.axhline(guessing, color="0.6", linestyle=":", label="guessing")
    for number, name in enumerate(names):
        epochs = range(1, len(history[name]) + 1)
        ax.plot(epochs, history[name], "--o", ms=3, color=f"C{number}", label=f"training {name}")
        ax.plot(epochs, history[f"val_{name}"], "-o", ms=4, color=f"C{number}", label=f"validation {name}")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set(xlabel="epoch", ylabel=", ".join(names), title=title)
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)
    return ax


def show_lines(series, places, ax):
    """Draw a line with marks of its own for each series.

    Args:
        series: dict of names to values, one for each place.
        places: where on the horizontal axis.
        ax: Axes to draw on.
    """
    for (name, values), mark in zip(series.items(), itertools.cycle("os^vD")):
        ax.plot(places, values, f"{mark}-", ms=5, label=name)
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)


def show_intervals(values, intervals, ax, reference, label):
    """Draw values as bars with their intervals, and beside them, as diamonds, those of another source.

    Args:
        values: dict of names to floats.
        intervals: dict of the same names to pairs (low, high).
        ax: Axes to draw on.
        reference: dict of the same names to the other source's floats.
        label: what the other source is.
    """
    for number, (name, value) in enumerate(values.items()):
        low, high = intervals[name]
        ax.bar(name, value, yerr=[[value - low], [high - value]], capsize=6, color=f"C{number}")
        ax.scatter(name, reference[name], marker="D", color="black", zorder=3, label=None if number else label)
    ax.legend(fontsize=8, loc="lower right")


def show_channels(channels, columns):
    """Show for each layer some of its channels, side by side; a channel of zeros is grey.

    Args:
        channels: dict of titles to uint8 (N, height, width): the channels of a layer.
        columns: how many a row.

    Returns:
        The Figure.
    """
    viridis, grids = plt.get_cmap("viridis"), {}
    for title, pictures in channels.items():
        colours = (255 * viridis(pictures)[..., :3]).astype("uint8")
        colours[~pictures.any(axis=(1, 2))] = 190
        full = np.full((max(columns, len(pictures)), *colours.shape[1:]), 255, "uint8")  # all layers as wide
        full[: len(pictures)] = colours
        grids[title] = tile(full, columns, margin=1 + pictures.shape[1] // 30, fill=255)
    heights = [grid.shape[0] / grid.shape[1] for grid in grids.values()]
    size = 9, 9 * sum(heights) + 0.3 * len(grids)
    fig, axes = plt.subplots(len(grids), 1, figsize=size, height_ratios=heights, squeeze=False, layout="constrained")
    for ax, (title, grid) in zip(axes[:, 0], grids.items(), strict=True):
        ax.imshow(grid, aspect="auto", interpolation="nearest")
        ax.set_title(title, fontsize=9, loc="left")
        ax.axis("off")
    return fig


def show_ablation(ablation, parts):
    """Show each variant of a network as a column: accuracy, parameters, time, and below, a dot for each part in it.

    Args:
        ablation: list of dicts: for each of the parts whether it is in, and "accuracy" (a list, one per training),
            "parameters", "seconds".
        parts: names of the parts.

    Returns:
        The Figure.
    """
    fig, (top, middle, bottom, dots) = plt.subplots(
        4, 1, figsize=(8, 6), height_ratios=(3, 1, 1, 1), sharex=True, layout="constrained"
    )
    fastest = min(row["seconds"] for row in ablation)
    for place, row in enumerate(ablation):
        color = "C0" if row["batch_norm"] else "C1"
        top.bar(place, np.mean(row["accuracy"]) - 0.5, bottom=0.5, color=color, alpha=0.5, width=0.7)
        top.plot([place] * len(row["accuracy"]), row["accuracy"], "o", color=color, ms=5)
        middle.bar(place, row["parameters"], color="0.6", width=0.7)
        bottom.bar(place, row["seconds"] / fastest, color="0.6", width=0.7)
        for height, part in enumerate(reversed(parts)):
            dots.plot(place, height, "o", ms=9, color="0.2" if row[part] else "0.88")
    for color, label in (("C0", "with batch norm"), ("C1", "without")):
        top.plot([], [], "o", color=color, ms=5, label=label)
    top.legend(loc="upper right", ncols=2)
    top.set(ylim=(0.4, 1), ylabel="test accuracy", title="bars: mean, from chance; points: one training each")
    middle.set(ylabel="parameters")
    bottom.set(ylabel="time,\nfastest = 1")
    dots.set_yticks(range(len(parts)), [part.replace("_", " ") for part in reversed(parts)])
    dots.set(ylim=(-0.6, len(parts) - 0.4), xticks=[])
    dots.spines[:].set_visible(False)
    dots.tick_params(length=0)
    return fig


def show_maps(maps, cmap, limits, label):
    """Show maps side by side in the same colours, with one colour bar.

    Args:
        maps: dict of titles to floats (height, width).
        cmap: name of the colours.
        limits: the values (low, high) at the ends of the colours.
        label: text beside the colour bar.

    Returns:
        The Figure, and its Axes (N,).
    """
    size = 1.4 + 1.9 * len(maps), 2.3
    fig, axes = plt.subplots(1, len(maps), figsize=size, squeeze=False, layout="constrained")
    for ax, (title, values) in zip(axes[0], maps.items(), strict=True):
        image = ax.imshow(values, cmap=cmap, vmin=limits[0], vmax=limits[1])
        ax.set_title(title, fontsize=9)
        ax.axis("off")
    fig.colorbar(image, ax=axes[0], label=label)
    return fig, axes[0]


def show_runs(runs, places, ax):
    """Draw the first of several series as a blue line, the others, of other trainings, as orange ones.

    Args:
        runs: lists of values, one for each place.
        places: where on the horizontal axis.
        ax: Axes to draw on.
    """
    for number, values in enumerate(runs):
        label = ("the network above", "another training", None)[min(number, 2)]
        ax.plot(places, values, ".-", color=f"C{min(number, 1)}", label=label)


def _make_axes(width, height):
    return plt.subplots(figsize=(width, height), layout="constrained")[1]
