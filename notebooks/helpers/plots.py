"""Plots: fixed colours for the classes, legends, and a text for those who cannot see the figure.

matplotlib is imported where it is needed, so that importing this file takes no time.
"""

import math

import numpy as np

# Of each class, in the order of the classes; colour-blind eyes can tell them apart, too.
CLASS_COLORS = {"animal": "#E69F00", "background": "#0B3C5D", "outline": "#F7F2E8"}
DPI = 80


def show(figure, alt):
    """Display a figure with an alternative text and close it.

    Args:
        figure: a matplotlib Figure.
        alt: what the figure shows, one sentence; it is kept in the notebook's output metadata.
    """
    import matplotlib.pyplot as plt
    from IPython.display import display

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


def show_mask(mask, title=None, ax=None, colors=CLASS_COLORS, legend=True):
    """Show a mask; a class has the same colour in every picture.

    Args:
        mask: integers (height, width): a class, by its place in `colors`.
        title: text above it.
        ax: Axes to draw on; new ones unless given.
        colors: dict of the classes' names to their colours.
        legend: whether to name the colours below.

    Returns:
        The Axes.
    """
    from matplotlib.colors import ListedColormap

    ax = ax or _make_axes(4, 4)
    ax.imshow(
        np.asarray(mask),
        cmap=ListedColormap(list(colors.values())),
        vmin=-0.5,
        vmax=len(colors) - 0.5,
        interpolation="nearest",
    )
    ax.set_title(title, fontsize=10)
    ax.axis("off")
    if legend:
        ax.legend(**class_legend(colors), loc="upper center", bbox_to_anchor=(0.5, 0.0))
    return ax


def class_legend(colors=CLASS_COLORS):
    """Return the arguments of a legend that names the classes in one row."""
    from matplotlib.patches import Patch

    patches = [Patch(facecolor=color, edgecolor="0.6", label=name) for name, color in colors.items()]
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


def show_curves(history, names, ax=None, title=None):
    """Plot training (dashed) and validation (solid) values against the epoch, from 1.

    Args:
        history: dict of lists of floats, one value an epoch, with NAME and val_NAME.
        names: the NAMEs to plot.
        ax: Axes to draw on; new ones unless given.
        title: text above it.

    Returns:
        The Axes.
    """
    ax = ax or _make_axes(6, 3.5)
    for number, name in enumerate(names):
        epochs = range(1, len(history[name]) + 1)
        ax.plot(epochs, history[name], "--o", ms=3, color=f"C{number}", label=f"training {name}")
        ax.plot(epochs, history[f"val_{name}"], "-o", ms=4, color=f"C{number}", label=f"validation {name}")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set(xlabel="epoch", ylabel=", ".join(names), title=title)
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)
    return ax


def show_flow(boxes, arrows, ax, title=None):
    """Draw boxes with text and arrows between them: how data flows through a network.

    Args:
        boxes: dict of names to (x, y, text) or (x, y, text, colour); the centres in units of a box, y upwards.
        arrows: (from, to) or (from, to, curve), names of boxes; curve is the arrow's bend, 0 for straight.
        ax: Axes to draw on.
        title: text above it.

    Returns:
        The Axes.
    """
    patches = {}
    for name, (x, y, text, *colour) in boxes.items():
        style = {"boxstyle": "round,pad=0.4", "facecolor": colour[0] if colour else "#F7F2E8", "edgecolor": "0.4"}
        patches[name] = ax.text(x, y, text, ha="center", va="center", fontsize=9, bbox=style).get_bbox_patch()
    for start, end, *curve in arrows:
        way = {"arrowstyle": "-|>", "color": "0.3", "patchA": patches[start], "patchB": patches[end]}
        way |= {"shrinkA": 0, "shrinkB": 1, "connectionstyle": f"arc3,rad={curve[0] if curve else 0}"}
        ax.annotate("", boxes[end][:2], boxes[start][:2], arrowprops=way)
    columns, rows = ([box[axis] for box in boxes.values()] for axis in (0, 1))
    ax.set(xlim=(min(columns) - 0.8, max(columns) + 0.8), ylim=(min(rows) - 0.6, max(rows) + 0.6))
    ax.set_title(title, fontsize=10)
    ax.axis("off")
    return ax


def _make_axes(width, height):
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]
