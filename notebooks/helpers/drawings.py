"""Drawings that explain a network: blocks with arrows between them, and a pyramid of maps."""

import itertools

import matplotlib.pyplot as plt
from keras import layers

ORANGE, BLUE, PALE = "#E69F00", "#56B4E9", "#F7F2E8"


def draw_flow(boxes, arrows, ax, title=None):
    """Draw boxes with text and arrows between them: how data flows through a network.

    Args:
        boxes: dict of names to (x, y, text) or (x, y, text, colour); the centres in units of a box, y upwards.
        arrows: (from, to) or (from, to, curve), names of boxes; curve is the arrow's bend, 0 for straight.
        ax: Axes to draw on.
        title: text above it.
    """
    patches = {}
    for name, (x, y, text, *colour) in boxes.items():
        style = {"boxstyle": "round,pad=0.4", "facecolor": colour[0] if colour else PALE, "edgecolor": "0.4"}
        text = ax.text(x, y, text, color="black", ha="center", va="center", fontsize=9, bbox=style)
        patches[name] = text.get_bbox_patch()
    for start, end, *curve in arrows:
        way = {"arrowstyle": "-|>", "color": "0.3", "patchA": patches[start], "patchB": patches[end]}
        way |= {"shrinkA": 0, "shrinkB": 1, "connectionstyle": f"arc3,rad={curve[0] if curve else 0}"}
        ax.annotate("", boxes[end][:2], boxes[start][:2], arrowprops=way)
    columns, rows = ([box[axis] for box in boxes.values()] for axis in (0, 1))
    ax.set(xlim=(min(columns) - 0.8, max(columns) + 0.8), ylim=(min(rows) - 0.6, max(rows) + 0.6))
    ax.set_title(title, fontsize=10)
    ax.axis("off")


def draw_residual_block(ax):
    """Draw a block of convolutions and the skip around it."""
    boxes = {
        "in": (0, 0, "input x"),
        "block": (2, 0, "block\n(convolutions)", ORANGE),
        "add": (4, 0, "+"),
        "out": (6, 0, "block(x) + x"),
    }
    draw_flow(boxes, [("in", "block"), ("block", "add"), ("add", "out"), ("in", "add", -0.4)], ax)
    ax.text(2, 0.9, "the skip: untouched", ha="center", fontsize=9)
    ax.set_ylim(-0.6, 1.2)


def draw_convolutions(axes):
    """Draw on the first of two Axes an ordinary convolution, on the second a depthwise separable one."""
    ordinary = {
        "in": (0, 1, "all channels\ntogether"),
        "conv": (2, 1, "3×3×C\nfor each output", ORANGE),
        "out": (4, 1, "F channels"),
    }
    separable = {"out": (6.6, 1, "F channels"), "point": (4.6, 1, "1×1×C\nfor each output", ORANGE)}
    separable |= {f"in {row}": (0, row, f"channel {3 - row}") for row in range(3)}
    separable |= {f"depth {row}": (2.2, row, "3×3", BLUE) for row in range(3)}
    steps = [(f"in {row}", f"depth {row}") for row in range(3)] + [(f"depth {row}", "point") for row in range(3)]
    draw_flow(ordinary, [("in", "conv"), ("conv", "out")], axes[0], "ordinary")
    draw_flow(separable, [*steps, ("point", "out")], axes[1], "depthwise separable")
    axes[0].set_ylim(axes[1].get_ylim())


def draw_pyramid(model, ax):
    """Draw a network's convolutions and poolings as boxes, as high as their maps; "BLOCK_LAYER" names its layers."""
    x, top = 0, model.input.shape[1]
    shown = [layer for layer in model.layers if isinstance(layer, layers.Conv2D | layers.MaxPooling2D)]
    for block, members in itertools.groupby(shown, key=lambda layer: layer.name.split("_")[0]):
        start = x
        for layer in members:
            _, side, _, filters = layer.output.shape
            pools = isinstance(layer, layers.MaxPooling2D)
            width, colour = (4, BLUE) if pools else (filters / 8, ORANGE)
            ax.add_patch(plt.Rectangle((x, -side / 2), width, side, facecolor=colour, edgecolor="white"))
            x += width + 3
            if not pools:
                described = f"{block}\n{side}×{side}\n{filters} filters", side / 2
        text, height = described
        ax.text((start + x) / 2, height + 6, text, ha="center", fontsize=8)
        x += 18
    for label, colour in (("convolution", ORANGE), ("max pooling", BLUE)):
        ax.add_patch(plt.Rectangle((0, 0), 0, 0, facecolor=colour, label=label))
    ax.legend(fontsize=8, loc="lower right", frameon=False)
    ax.set(xlim=(-5, x), ylim=(-top / 2 - 6, top / 2 + 55))
    ax.axis("off")
