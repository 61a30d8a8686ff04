"""Planted faults that the checks of a notebook as it is stored catch."""

from nbformat.v4 import new_output

from .engine import SEGMENTATION, Mutant
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

INTERPRETING = "9_4_interpreting_convnets"

MUTANTS = [
    Mutant("outputs cleared", in_cells(clear_outputs), "cell 1 has the execution count None"),
    Mutant("cell deleted", in_cells(delete_cell("minlength=3) / train_targets.size")), "has the execution count"),
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
        in_prose("from 11 % in the first", "from 8 % in the first", INTERPRETING),
        "says 8 %, which neither its cells show nor the book says",
        (f"notebooks/{INTERPRETING}.ipynb",),
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
