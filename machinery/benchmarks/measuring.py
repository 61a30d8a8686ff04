"""The instruments that all measurements share: how much work, turns, rows of the table, a process alone."""

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

from machinery.peak_memory import PeakMemory

SCALE = {  # how much work is measured, and how much with `--small`
    "pictures": (7390, 40),
    "original": ((500, 375), (120, 90)),
    "size": (200, 40),
    "steps_92": (2, 1),
    "side_92": (200, 16),
    "seeds": (3, 1),
    "iou_apart": (0.01, 0.1),  # how far the mean IoU of two precisions may be apart; the small one is of 20 pictures
    "iou_knobs": ({}, {"PICTURES": 60, "VALIDATION": 20, "IMAGE_SIZE": 16, "FILTERS": (4, 8), "EPOCHS": 1}),
    "steps_93": (8, 2),
    "side_93": (180, 32),
    "filters_93": ((32, 64, 128, 256, 512), (32, 64)),
    "patterns": (64, 2),
    "ascent_steps": (30, 2),
    "repeats": (5, 2),
}


def choose_scale(small: bool) -> SimpleNamespace:
    """Return how much work is measured, by the names in `SCALE`."""
    return SimpleNamespace(**{name: less if small else whole for name, (whole, less) in SCALE.items()})


@dataclass
class Row:
    """One line of the table. Times are medians in seconds; a ratio above 1 means that ours is faster."""

    work: str
    ours: float
    book: float
    target: str = ""
    reached: bool = True
    floor: float | None = None  # seconds that the machine's own speed allows
    agree: bool = True
    notes: list[str] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.book / self.ours


def alternate(functions: dict, repeats: int, warm: int = 1) -> tuple[dict, dict]:
    """Return for each function the times of its calls in seconds, taken in turns, and its last result."""
    times, results = {name: [] for name in functions}, {}
    for number in range(warm + repeats):
        for name, function in functions.items():
            results.pop(name, None)  # at most one large result of each is alive
            started = time.perf_counter()
            results[name] = function()
            if number >= warm:
                times[name].append(time.perf_counter() - started)
    return times, results


def compare(work: str, times: dict, limit: float | None = None) -> Row:
    """Return the row of two functions, "ours" and "book", that should differ by a factor of `limit` at least."""
    row = Row(work, statistics.median(times["ours"]), statistics.median(times["book"]))
    if limit:
        row.target = f"{limit} times"
        row.reached = row.ratio >= limit
    each = [book / ours for book, ours in zip(times["book"], times["ours"], strict=True)]
    row.notes.append(f"ratio from {min(each):.2f} to {max(each):.2f} over {len(each)} turns")
    return row


def run_alone(*arguments) -> int:
    """Run Python with these arguments in a process of its own; return its largest memory in bytes.

    Raises RuntimeError if it fails.
    """
    with PeakMemory() as memory:
        run = subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(run.stderr)
    return memory.peak
