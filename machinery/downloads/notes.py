"""Notes in JSON that the downloader leaves beside the files for its next run."""

import json
from pathlib import Path

from helpers.files import write_whole


def read_note(path: Path) -> dict:
    """Return what a note says; nothing if it is missing or none of ours."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return note if isinstance(note, dict) else {}


def write_note(path: Path, content: dict) -> None:
    """Write a note, whole or not at all."""
    with write_whole(path) as draft:
        draft.write_text(json.dumps(content), encoding="utf-8")
