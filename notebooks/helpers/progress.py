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
    """Return a Keras callback that shows one bar for all steps of a training: from its start on, when it will end."""
    import keras

    class TrainingProgress(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            done = self.model._initial_epoch or 0
            epochs, steps = self.params["epochs"], self.params["steps"]
            self.bar = progress(total=epochs * steps, initial=done * steps, desc=self.model.name, unit=" steps")

        def on_train_batch_end(self, batch, logs=None):
            self.bar.update()

        def on_epoch_end(self, epoch, logs=None):
            self.bar.set_postfix({"epoch": epoch + 1} | logs)

        def on_train_end(self, logs=None):
            self.bar.close()

    return TrainingProgress()
