"""Finds where the repository lies on the web, and at which commit it is built."""

import os
import re
import subprocess

from .gathering import ROOT


def find_repository() -> str | None:
    """Return the repository's address on GitHub, `https://github.com/OWNER/NAME`; None if there is none.

    On a runner of GitHub it is the repository that the runner works for, elsewhere that of the remote `origin`.
    """
    if name := os.environ.get("GITHUB_REPOSITORY"):
        return f"https://github.com/{name}"
    remote = ask_git("remote", "get-url", "origin")
    found = re.fullmatch(r"(?:https://|(?:ssh://)?git@)github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?", remote)
    return f"https://github.com/{found[1]}" if found else None


def find_commit() -> str:
    """Return the commit that is checked out, 40 hexadecimal digits; empty outside of a repository."""
    return ask_git("rev-parse", "HEAD")


def ask_git(*command: str) -> str:
    """Return what git answers about this repository; empty if it is none, or git is not there."""
    try:
        answer = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return answer.stdout.strip()
