"""How to plant a fault: each function returns or makes a change of a copy of the project."""

from project_copy import find_cell, replaced

from .engine import SEGMENTATION, Mutant


def in_cell(text, old, new, stem=SEGMENTATION, **metadata):
    """Change the source of a cell of both files, found by a tag or by its text; it may get other metadata."""

    def change(cells):
        cell = cells[find_cell(cells, text)]
        cell.source = replaced(cell.source, old, new, f"the cell {text!r}")
        cell.metadata.update(metadata)

    return lambda project: project.edit_notebook(stem, change)


def in_cells(change, paired=True):
    """Change the list of cells."""
    return lambda project: project.edit_notebook(SEGMENTATION, change, paired)


def in_prose(old, new, stem=SEGMENTATION):
    """Change the prose of both files."""

    def change(cells):
        (cell,) = (cell for cell in cells if cell.cell_type == "markdown" and old in cell.source)
        cell.source = replaced(cell.source, old, new, "the prose")

    return lambda project: project.edit_notebook(stem, change)


def in_file(path, old, new):
    """Change a text file."""
    return lambda project: project.edit_text(path, old, new)


def clear_outputs(cells):
    """Take all outputs away, as `nbstripout` or a menu does."""
    for cell in cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)


def clear_one_output(cells):
    """Take the output of one cell, that with the versions, away, as a merge may."""
    cells[find_cell(cells, "nbval-ignore-output")].outputs = []


def delete_cell(text):
    """Delete a cell."""
    return lambda cells: cells.pop(find_cell(cells, text))


def exchange_cells(first, second):
    """Exchange two cells with their outputs; both had been run in the new order."""

    def change(cells):
        i, j = find_cell(cells, first), find_cell(cells, second)
        cells[i].execution_count, cells[j].execution_count = cells[j].execution_count, cells[i].execution_count
        cells[i], cells[j] = cells[j], cells[i]

    return change


def exchange_figures(first, second):
    """Exchange the outputs of two cells."""

    def change(cells):
        one, other = cells[find_cell(cells, first)], cells[find_cell(cells, second)]
        one.outputs, other.outputs = other.outputs, one.outputs

    return change


def remove_tag(tag):
    """Take a tag away."""

    def change(cells):
        metadata = cells[find_cell(cells, tag)].metadata
        metadata.tags = [other for other in metadata.tags if other != tag]
        if not metadata.tags:
            del metadata["tags"]

    return change


def drop_alt_text(tag):
    """Take the text of a figure away."""
    return lambda cells: [output.metadata.clear() for output in cells[find_cell(cells, tag)].outputs]


def add_output(text, output):
    """Add an output to a cell."""
    return lambda cells: cells[find_cell(cells, text)].outputs.append(output)


def caught_by_test(name, cell, old, new, test, stem=SEGMENTATION):
    """Return a mutant that a test of the notebook's definitions catches."""
    return Mutant(name, in_cell(cell, old, new, stem), f"def {test}", (f"tests/lessons/test_{stem[4:]}.py",))


def in_helper(name, helper, old, new, test):
    """Return a mutant of a helper that a test in the helper's file of tests catches."""
    change = in_file(f"notebooks/helpers/{helper}.py", old, new)
    return Mutant(name, change, f"def {test}", (f"tests/helpers/test_{helper}.py",))
