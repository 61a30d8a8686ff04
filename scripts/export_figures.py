#!/usr/bin/env python3
"""Copy figures out of the stored notebooks into docs/figures, for the README."""

import base64
from pathlib import Path

import nbformat

from helpers.files import write_whole

ROOT = Path(__file__).resolve().parent.parent
FIGURES = {  # file in docs/figures: notebook and tag of the cell that draws it
    "pets_and_masks.png": ("9_2_image_segmentation", "worst-and-best"),
    "strides_and_pooling.png": ("9_2_image_segmentation", "claim-3-drawings"),
    "gradients.png": ("9_3_convnet_architectures", "claim-8"),
    "ablation.png": ("9_3_convnet_architectures", "ablation-figure"),
    "patterns.png": ("9_4_interpreting_convnets", "listing-9.19"),
    "grad_cam.png": ("9_4_interpreting_convnets", "pair"),
    "sanity.png": ("9_4_interpreting_convnets", "sanity-pictures"),
}


def find_figure(stem, tag):
    """Return the PNG, as bytes, that the cell with this tag of a stored notebook shows; LookupError if none does."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{stem}.ipynb", as_version=4)
    for cell in notebook.cells:
        if tag in cell.metadata.get("tags", []):
            for output in cell.outputs:
                if png := output.get("data", {}).get("image/png"):
                    return base64.b64decode(png)
    raise LookupError(f"{stem}.ipynb has no figure in a cell tagged {tag}: run `make outputs`")


def main():
    """Write every figure."""
    folder = ROOT / "docs" / "figures"
    for name, place in FIGURES.items():
        with write_whole(folder / name) as draft:
            draft.write_bytes(find_figure(*place))


if __name__ == "__main__":
    main()
