"""Measures the whole chapter, and the imports that each of its notebooks begins with."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

from machinery.benchmarks.measuring import Row, run_alone
from machinery.peak_memory import PeakMemory

RUN_NOTEBOOKS = Path(__file__).resolve().parents[2] / "scripts/run_notebooks.py"
HELPERS = "caching devices dogs_vs_cats files knobs lessons pets pictures plots progress results start".split()


def measure_chapter(scale: SimpleNamespace, folder: Path) -> list[Row]:
    """Execute all notebooks in the sample profile, trainings included."""
    with tempfile.TemporaryDirectory(dir=folder) as out, PeakMemory() as memory:
        started = time.perf_counter()
        subprocess.run([sys.executable, RUN_NOTEBOOKS, "--out", out], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
    row = Row("whole chapter, profile sample", seconds, target="8 min, 3 GB")
    row.reached = seconds <= 480 and memory.peak <= 3e9
    row.notes.append(f"peak memory {memory.peak / 1e9:.2f} GB")
    return [row]


def measure_imports(scale: SimpleNamespace, folder: Path) -> list[Row]:
    """Import the helpers that need no Keras in a process of their own."""
    task = ("-m", "machinery.benchmarks.alone", "import", *HELPERS)
    runs = [run_alone(*task)[1] for _ in range(2 * scale.repeats)]
    row = Row("import of the helpers", statistics.median(seconds for seconds, _ in runs), target="0.3 s")
    row.reached = row.ours <= 0.3 and not any(loaded for _, loaded in runs)
    row.notes.append("without Keras and TensorFlow")
    return [row]
