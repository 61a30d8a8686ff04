#!/usr/bin/env python3
"""Build the site from the stored notebooks into `build/site`, without executing anything and without a network.

Where the repository lies on GitHub, each page leads there, to Colab, Kaggle and Binder, and `colab/` gets notebooks
that run alone. The exit status is 1 if a link leads nowhere. With `--outside` nothing is built: each address outside
is asked for, which needs a network.
"""

import argparse
import sys
import time
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import nbformat

from check_claims import CLAIMS
from machinery.site.address import find_commit, find_repository
from machinery.site.book_index import write_index
from machinery.site.building import CONFIGURATION, build_pages
from machinery.site.gathering import ROOT, list_notebooks, read_page
from machinery.site.live import write_live_data
from machinery.site.ways_in import list_ways, make_independent

PROSE = "README CONTRIBUTING CHANGELOG data/README docs/measurements docs/own_pictures".split()  # pages in .md
OWN = ("index", "live")  # pages of the site alone


def main(argv=None):
    """Build the site; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site", metavar="DIR")
    parser.add_argument("--outside", action="store_true", help="check the links that lead out of the site instead")
    options = parser.parse_args(argv)
    started = time.time()
    repository, commit = find_repository(), find_commit()

    pages = {PurePosixPath(f"{name}.md"): (CONFIGURATION / f"{name}.md").read_text("utf-8") for name in OWN}
    of_scale = [(claim.number, claim.section, claim.says) for claim in CLAIMS]
    pages[PurePosixPath("from_the_book.md")] = write_index(of_scale)
    for place in [*list_notebooks(), *(PurePosixPath(f"{name}.md") for name in PROSE)]:
        pages[place] = read_page(place, list_ways(place, repository) if repository else "")
    if options.outside:
        with TemporaryDirectory() as passing:
            return report(build_pages(Path(passing, "links"), pages, builder="linkcheck"))
    files = {PurePosixPath("_static/live-data.js"): write_live_data()}
    for place in list_notebooks() if repository and commit else []:
        notebook = nbformat.read(ROOT / place, as_version=4)
        independent = make_independent(notebook, place.parent, repository, commit)
        files[PurePosixPath("colab", place.name)] = nbformat.writes(independent)
    try:
        warnings = build_pages(options.out, pages, files)
    except FileExistsError as error:
        parser.error(str(error))

    status = report(warnings)
    size = sum(path.stat().st_size for path in options.out.rglob("*") if path.is_file()) / 1e6
    print(f"{len(pages)} pages in {time.time() - started:.1f} s: {options.out / 'index.html'} ({size:.0f} MB)")
    if not repository:
        print("no repository on GitHub (GITHUB_REPOSITORY, or the remote `origin`): pages without ways into Colab")
    return status


def report(warnings):
    """Print what Sphinx warned of; return the exit status."""
    for warning in warnings:
        print(warning, file=sys.stderr)
    return int(bool(warnings))


if __name__ == "__main__":
    sys.exit(main())
