"""Plots: fixed colours for the classes, legends, and a text for those who cannot see the figure."""

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from .pets import CLASS_NAMES

CLASS_COLORS = ("#E69F00", "#0B3C5D", "#F7F2E8")  # animal, background, outline: apart for colour-blind eyes too
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
    ax = ax or plt.subplots(figsize=(4, 4), layout="constrained")[1]
    ax.imshow(np.asarray(picture))
    ax.set_title(title, fontsize=10)
    ax.axis("off")
    return ax


def show_mask(mask, title=None, ax=None, classes=CLASS_NAMES, colors=CLASS_COLORS, legend=True):
    """Show a mask; a class has the same colour in every picture.

    Args:
        mask: integers (height, width), an index into `classes`.
        title: text above it.
        ax: Axes to draw on; new ones unless given.
        classes: names of the classes.
        colors: their colours, in step.
        legend: whether to name the colours below.

    Returns:
        The Axes.
    """
    ax = ax or plt.subplots(figsize=(4, 4), layout="constrained")[1]
    ax.imshow(
        np.asarray(mask),
        cmap=ListedColormap(colors),
        vmin=-0.5,
        vmax=len(classes) - 0.5,
        interpolation="nearest",
    )
    ax.set_title(title, fontsize=10)
    ax.axis("off")
    if legend:
        ax.legend(**class_legend(classes, colors), loc="upper center", bbox_to_anchor=(0.5, 0.0))
    return ax


def class_legend(classes=CLASS_NAMES, colors=CLASS_COLORS):
    """Return the arguments of a legend that names the classes in one row."""
    patches = [Patch(facecolor=color, edgecolor="0.6", label=name) for name, color in zip(classes, colors, strict=True)]
    return {"handles": patches, "ncols": len(patches), "fontsize": 8, "frameon": False}


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
    ax = ax or plt.subplots(figsize=(6, 3.5), layout="constrained")[1]
    for number, name in enumerate(names):
        epochs = range(1, len(history[name]) + 1)
        ax.plot(epochs, history[name], "--o", ms=3, color=f"C{number}", label=f"training {name}")
        ax.plot(epochs, history[f"val_{name}"], "-o", ms=4, color=f"C{number}", label=f"validation {name}")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set(xlabel="epoch", ylabel=", ".join(names), title=title)
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)
    return ax
