"""Planted faults of the helpers."""

from .planting import in_helper

MUTANTS = [
    in_helper(
        "picture modified in place",
        "networks",
        'preprocess_input(keras.ops.cast(keras.ops.convert_to_tensor(pictures), "float32"))',
        "preprocess_input(pictures)",
        "test_preparing_changes_nothing",
    ),
    in_helper(
        "training resumed without the optimizer",
        "training",
        "[*self.model.variables, *self.model.optimizer.variables]",
        "[*self.model.variables]",
        "test_a_killed_training",
    ),
    in_helper(
        "training resumed in another order",
        "training",
        "self.batches.shuffle(epoch)",
        "self.batches.shuffle(epoch - (self.model._initial_epoch or 0))",
        "test_a_killed_training",
    ),
    in_helper(
        "best epoch of before the kill forgotten",
        "training",
        '        self.checkpoint.best = min(history["val_loss"])\n',
        "",
        "test_the_best_epoch_before",
    ),
    in_helper(
        "variance of the fused batch norm divided by n - 1",
        "batch_norm",
        "variance * (ops.maximum(count - 1, 1) / count)",
        "variance",
        "test_training_step_is_keras_s",
    ),
    in_helper(
        "changed file taken for unchanged",
        "caching",
        "status.st_size, status.st_ino, status.st_mtime_ns",
        "0, 0, 0",
        "test_a_changed_file",
    ),
]
