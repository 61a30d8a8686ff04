"""How long each notebook ran and how much memory it took, beside its last run that passed on this machine."""

KEY = "notebook-checks/runs"  # in pytest's cache
GROWTH = 0.3  # more than that over the last run is worth a warning


def compare_runs(cache, runs):
    """Compare runs that passed with the recorded ones, then record them in their place.

    Args:
        cache: pytest's cache, or None without one.
        runs: dict of a notebook's path to a dict of "seconds" (float) and "megabytes" (int, the peak).

    Returns:
        Dict of a path to the text that stands beside it, and a list of warnings.
    """
    recorded, texts, warnings = (cache.get(KEY, {}) if cache else {}), {}, []
    for path, run in runs.items():
        last = recorded.get(path)
        texts[path] = f"{run['seconds']:.0f} s, {run['megabytes']} MB at most"
        texts[path] += (
            f"; the last time {last['seconds']:.0f} s, {last['megabytes']} MB" if last else "; nothing recorded"
        )
        for name, value in run.items():
            if last and value > (1 + GROWTH) * last[name]:
                warnings.append(f"{path} took {value / last[name] - 1:.0%} more {name} than the last time")
    if cache:
        cache.set(KEY, recorded | runs)
    return texts, warnings
