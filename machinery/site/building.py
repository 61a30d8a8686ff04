"""Lets Sphinx build gathered pages."""

import io
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from helpers.files import write_whole

from .gathering import ROOT, Pages, gather_pages

CONFIGURATION = ROOT / "docs" / "site"
START = PurePosixPath("index.md")


def build_pages(target: Path, pages: Pages, **options: object) -> list[str]:
    """Build pages, `index.md` the first of them, and all that they link to into a folder, whole or not at all.

    `options` take the place of those in `docs/site/conf.py`.

    Returns:
        What Sphinx warns of: links that lead nowhere, pages that no table of contents names.
    """
    # Here, for it takes a second.
    from sphinx.application import Sphinx
    from sphinx.util.console import nocolor
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    nocolor()
    warnings = io.StringIO()
    with TemporaryDirectory() as passing, write_whole(target) as draft, patch_docutils(), docutils_namespace():
        source, doctrees = Path(passing, "source"), Path(passing, "doctrees")
        gather_pages(source, pages)
        Sphinx(source, CONFIGURATION, draft, doctrees, "html", options, status=None, warning=warnings).build()
    return [line.replace(f"{source}/", "") for line in warnings.getvalue().splitlines() if line.strip()]
