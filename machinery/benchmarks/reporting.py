"""What a benchmark shows: a table, and a plot of the ratios."""

from pathlib import Path

from matplotlib.figure import Figure

from machinery.benchmarks.measuring import Row

COLUMNS = "{:{width}}  {:>9}  {:>9}  {:>6}  {:18}  {:>9}  {}"


def print_table(rows: list[Row]) -> None:
    """Print the rows of all measurements."""
    width = max(len(row.work) for row in rows)
    print("\n" + COLUMNS.format("work", "book", "ours", "ratio", "to reach", "floor", "results", width=width))
    for row in rows:
        target = row.target if row.reached else f"{row.target} (not)"
        results = "agree" if row.agree else "DIFFER"
        book, ours, floor = map(format_time, (row.book, row.ours, row.floor))
        print(COLUMNS.format(row.work, book, ours, f"{row.ratio:.2f}", target, floor, results, width=width))
        for note in row.notes:
            print(f"{'':{width}}    {note}")


def format_time(seconds: float | None) -> str:
    """Return a time as text, "" for None."""
    if seconds is None:
        return ""
    if seconds < 0.1:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds:.1f} s" if seconds >= 10 else f"{seconds:.2f} s"


def plot_ratios(path: Path, rows: list[Row]) -> None:
    """Save a bar for each ratio, beside what the floor would allow."""
    fig = Figure(figsize=(8, 0.55 * len(rows) + 1), layout="constrained")
    ax = fig.subplots()
    bars = ax.barh([row.work for row in rows], [row.ratio for row in rows], color="C0", label="seen here")
    ax.bar_label(bars, [f"{row.ratio:.3g}" for row in rows], padding=3, fontsize=8)
    bounded = [row for row in rows if row.floor]
    ax.plot([row.book / row.floor for row in bounded], [row.work for row in bounded], "k|", ms=14, label="at the floor")
    ax.axvline(1, color="0.4", linewidth=1)
    ax.set(xscale="log", xlabel="times faster than the book's formulation")
    ax.set_xlim(right=2 * max(row.ratio for row in rows))
    ax.invert_yaxis()
    ax.legend(fontsize=8, loc="lower right")
    fig.savefig(path, dpi=100)
