"""Definitions taken from a notebook's text source, so that tests check what the reader sees and no copy of it."""

from types import ModuleType

from helpers.lessons import NOTEBOOKS, is_tagged, read_lesson

STEMS = sorted(path.stem for path in NOTEBOOKS.glob("[0-9]*.py"))


def find_cells(stem, tag):
    """Return the sources of the code cells with a tag."""
    return [cell.source for cell in read_lesson(stem).cells if is_tagged(cell, tag)]


def run_code(lesson, /, *sources, **names):
    """Execute code in a copy of a lesson, with other values for some names; return the copy."""
    copy = ModuleType(lesson.__name__)
    vars(copy).update(vars(lesson) | names)
    for source in sources:
        exec(source, vars(copy))
    return copy


def run_cells(lesson, /, *tags, **names):
    """Execute the cells of a lesson with these tags; see `run_code`."""
    return run_code(lesson, *(source for tag in tags for source in find_cells(lesson.__name__, tag)), **names)


def check_training(batches, training, options, validation):
    """Check what `fit` was given: pictures and labels to train and to validate on, and the callbacks of the book."""
    checkpoint, resume, _ = options["callbacks"]
    assert (batches.images is training[0], batches.labels is training[1]) == (True, True)
    others = options["validation_data"]
    assert (others.images is validation[0], others.labels is validation[1]) == (True, True)
    assert (batches.seed is None, others.seed, options["shuffle"]) == (False, None, False)  # by our own order
    assert (checkpoint.save_best_only, checkpoint.monitor) == (True, "val_loss")
    assert (resume.checkpoint is checkpoint, resume.batches is batches) == (True, True)
