"""Whether the disk has room for what comes."""

import shutil
from pathlib import Path

from machinery.downloads.reporting import DataError, format_bytes


def check_space(folder: Path, needed: float, what: str) -> None:
    """Raise DataError if the disk of a folder, which need not exist yet, has not the bytes needed."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    available = shutil.disk_usage(existing).free
    if needed > available:
        raise DataError(
            f"not enough space for {what}: {format_bytes(needed)} needed, {format_bytes(available)} available in "
            f"{existing}. Free some, or choose another disk with --dest."
        )
