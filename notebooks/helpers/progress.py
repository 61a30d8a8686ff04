"""Progress bars for people; silent where the environment variable TQDM_DISABLE is set, as in automated runs.

tqdm's own notebook bar does not look at that variable, and a bar with its timings would differ at every run.
"""

import os

from tqdm.auto import tqdm


def is_silent():
    """Tell whether this is an automated run."""
    return bool(os.environ.get("TQDM_DISABLE"))


def progress(iterable=None, **options):
    """Return a tqdm progress bar; see tqdm for the options."""
    return tqdm(iterable, **{"disable": is_silent(), **options})


def training_progress():
    """Return a Keras callback that shows a bar for the epochs and one for the batches."""
    from tqdm.keras import TqdmCallback

    return TqdmCallback(verbose=1, disable=is_silent())
