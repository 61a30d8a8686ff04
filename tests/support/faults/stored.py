"""Planted faults that the checks of a notebook as it is stored catch."""

from nbformat.v4 import new_output

from .architectures import ARCHITECTURES
from .engine import SEGMENTATION, Mutant
from .interpreting import INTERPRETING
from .planting import (
    add_output,
    clear_outputs,
    delete_cell,
    drop_alt_text,
    exchange_cells,
    in_cell,
    in_cells,
    in_file,
    in_prose,
    remove_tag,
)

MUTANTS = [
    Mutant("outputs cleared", in_cells(clear_outputs), "cell 1 has the execution count None"),
    Mutant(
        "cell deleted",
        in_cells(delete_cell("minlength=len(CLASS_NAMES)) / train_targets.size")),
        "has the execution count",
    ),
    Mutant(
        "cell of a step deleted", in_cells(delete_cell("step-9.2-9"), paired=False), "another one in 9_2.*make outp"
    ),
    Mutant("two cells exchanged", in_cells(exchange_cells("step-9.2-3", "step-9.2-4")), "not in the book's order"),
    Mutant("tag removed", in_cells(remove_tag("step-9.2-7")), "no cell has the tag step-9.2-7"),
    Mutant(
        "unpaired edit",
        in_file(f"notebooks/{SEGMENTATION}.py", "epochs=EPOCHS,\n        val", "epochs=3,\n        val"),
        "in 9_2",
    ),
    Mutant("figure without alt text", in_cells(drop_alt_text("figure-9.4")), "has a figure without alt text"),
    Mutant(
        "standard error stored",
        in_cells(add_output("input_dir, target_dir =", new_output("stream", name="stderr", text="WARNING: retracing"))),
        "has stored stderr: WARNING: retracing",
    ),
    Mutant(
        "wrong number in prose",
        in_prose("lowest in epoch 36", "lowest in epoch 33"),
        "says 33, which neither its cells show nor the book says",
    ),
    Mutant(
        "assertion removed from a claim's cell",
        in_cell("same-network", "assert variant.count_params() == printed.count_params()\n", "", ARCHITECTURES),
        r"the cell same-network, 1 is checked by .*make promises",
        (f"notebooks/{ARCHITECTURES}.ipynb",),
    ),
    Mutant(
        "claim turned round in both files",
        in_prose("silent channels grows with depth, as", "silent channels falls with depth, as", INTERPRETING),
        r"what is said of claim-17 is .*make promises",
        (f"notebooks/{INTERPRETING}.ipynb",),
    ),
    Mutant(
        "result that is typed",
        in_cell("results = {", '"val_loss": min(history["val_loss"])', '"val_loss": 0.2124'),
        "writes 0.2124 into its results, which nothing has computed",
    ),
    Mutant(
        "tolerance of a cell raised to 10",
        in_cell("picture-scores", "pairs = zip(", "pairs = zip(", nbval={"rtol": 10, "atol": 10}),
        r"the cell picture-scores, 1 is checked by .*10.*make promises",
    ),
    Mutant(
        "cell ignored for a plausible reason",
        in_cell(
            "picture-scores",
            "pairs = zip(",
            "pairs = zip(",
            tags=["picture-scores", "nbval-ignore-output"],
            nbval={"reason": "depends on the processor"},
        ),
        "is checked by .*depends on the processor.*make promises|cells are ignored, more than 5%",
    ),
    Mutant(
        "number of a listing out of sight",
        in_cell("input_dir, target_dir =", "# Step 9.2-2", "#"),
        "expected a first line like # St",
    ),
    Mutant(
        "path in an output",
        in_cells(
            add_output("input_dir, target_dir =", new_output("stream", text="/".join(["", "home", "ada", "pets"])))
        ),
        "shows a path of one machine in its stdout",
    ),
    Mutant(
        "many cells ignored",
        in_cells(
            lambda cells: [
                cell.metadata.update(tags=["nbval-ignore-output"], nbval={"reason": "slow"})
                for cell in cells
                if cell.cell_type == "code" and "tags" not in cell.metadata
            ]
        ),
        "cells are ignored, more than 5%",
    ),
]
