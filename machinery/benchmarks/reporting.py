"""What a benchmark shows: a table."""

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
