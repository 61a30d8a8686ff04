"""What the reader is told: lines, sizes and errors."""

import errno

from tqdm import tqdm


class DataError(Exception):
    """Something is missing or wrong; the text says what, and what to do."""


def say(text: str) -> None:
    """Print a line at once, so that a log shows it while the work goes on."""
    print(text, flush=True)


def format_bytes(size: float) -> str:
    """Return a number of bytes for people."""
    return f"{tqdm.format_sizeof(size)}B"


def explain(error: Exception) -> str:
    """Return what an error means to the reader."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "no space left on the disk. What arrived is kept: free some space and run the same command again."
    return str(error)
