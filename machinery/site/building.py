"""Lets Sphinx build gathered pages."""

import io
import re
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from helpers.files import write_whole

from .gathering import ROOT, Pages, gather_pages, write

CONFIGURATION = ROOT / "docs" / "site"
START = PurePosixPath("index.md")


def check_target(target: Path) -> None:
    """Raise a FileExistsError if a folder holds something else than built pages, those of before the site included."""
    names = [path.name for path in target.iterdir()] if target.is_dir() else []
    older = {name for name in names if re.fullmatch(r"\d\w*\.html", name)}
    if names and "searchindex.js" not in names and not (older and {*names} == older | {"index.html"}):
        raise FileExistsError(f"{target} holds something else than a built site; take another folder, or empty it")


def build_pages(target: Path, pages: Pages, files: Pages | None = None, builder: str = "html") -> list[str]:
    """Build pages and all that they link to into a folder, whole or not at all.

    Args:
        target: the folder; an older site in it goes.
        pages: texts by place, `index.md` the first page.
        files: texts that lie beside the pages as they are, by place.
        builder: Sphinx's: "html", or "linkcheck", which asks for every address outside and needs a network.

    Returns:
        What Sphinx warns of: links that lead nowhere, pages that no table of contents names.

    Raises:
        FileExistsError: in the folder is something else than such a site.
    """
    check_target(target)
    # Here, for it takes a second.
    from sphinx.application import Sphinx
    from sphinx.util.console import nocolor
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    nocolor()
    warnings = io.StringIO()
    with TemporaryDirectory() as passing, write_whole(target) as draft, patch_docutils(), docutils_namespace():
        source, doctrees = Path(passing, "source"), Path(passing, "doctrees")
        gather_pages(source, pages)
        Sphinx(source, CONFIGURATION, draft, doctrees, builder, status=None, warning=warnings).build()
        for place, text in (files or {}).items():
            write(draft / place, text)
    return [line.replace(f"{source}/", "") for line in warnings.getvalue().splitlines() if line.strip()]
