"""The built site as files: its links, its pictures, its ways into a notebook."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import build_site
from machinery.site.address import find_repository
from machinery.site.building import build_pages
from machinery.site.gathering import ROOT, list_notebooks
from machinery.site.preparing import only_draws, prepare_notebook
from machinery.site.ways_in import NEEDED, list_ways, make_independent
from pages_of_the_site import PAGES

FETCHED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src"}


class Page(HTMLParser):
    """Gathers what a page fetches, links to and can be linked at, and its pictures."""

    def __init__(self, path):
        super().__init__()
        self.fetched, self.links, self.anchors, self.pictures = [], [], set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.anchors |= {values.get("id")}
        if tag in FETCHED and values.get(FETCHED[tag]) and values.get("rel") not in ("index", "search", "next", "prev"):
            self.fetched.append(values[FETCHED[tag]])
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        if tag == "img":
            self.pictures.append(values.get("alt") or "")


@pytest.fixture(scope="module")
def read(site):
    """A function from the name of a page to what is on it."""
    pages = {}
    return lambda name: pages.setdefault(name, Page(site / name))


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(site, read, name):
    broken = []
    for link in read(name).links + read(name).fetched:
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = os.path.normpath(PurePosixPath(name).parent / unquote(parts.path)) if parts.path else name
        if not (site / target).is_file():
            broken.append(link)
        elif parts.fragment and target.endswith(".html") and unquote(parts.fragment) not in read(target).anchors:
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("name", PAGES)
def test_pages_fetch_nothing_from_elsewhere(read, name):
    assert [link for link in read(name).fetched if urlsplit(link).scheme not in ("", "data")] == []


@pytest.mark.parametrize("name", PAGES)
def test_pictures_have_alternative_texts(read, name):
    assert all(read(name).pictures)


@pytest.mark.parametrize("place", list_notebooks(), ids=str)
def test_texts_of_figures_arrive(read, place):
    outputs = [output for cell in nbformat.read(ROOT / place, 4).cells for output in cell.get("outputs", [])]
    told = [values["alt"] for output in outputs for values in output.get("metadata", {}).values() if "alt" in values]
    assert set(told) <= set(read(str(place.with_suffix(".html"))).pictures)
    assert bool(told) == ("_exercises" not in place.stem)


def test_index_has_every_listing_figure_and_claim(site):
    page = (site / "from_the_book.html").read_text(encoding="utf-8")
    chapter = tomllib.loads((ROOT / "tests/support/notebook_checks/chapter.toml").read_text(encoding="utf-8"))
    tags = [tag for stem, tags in chapter.items() if stem.startswith("9_") for tag in tags]
    assert len(tags) > 60
    assert not [tag for tag in tags if f"#{tag.replace('.', '-')}" not in page]
    assert not [number for number in range(1, 22) if f"Claim {number}<" not in page]  # C-1 to C-21


def test_only_cells_that_draw_are_folded():
    drawing = "fig, ax = plt.subplots()\nax.plot(losses)"
    assert only_draws(new_code_cell(drawing))
    assert only_draws(new_code_cell(drawing, metadata={"tags": ["figure-9.5"]}))
    assert not only_draws(new_code_cell(drawing, metadata={"tags": ["step-9.2-8", "figure-9.5"]}))
    assert not only_draws(new_code_cell(f"losses = train()\n{drawing}"))
    assert not only_draws(new_code_cell("def draw():\n    fig = 1"))
    assert not only_draws(new_code_cell("fig, = = 3"))
    assert not only_draws(new_code_cell(""))


def test_notebook_is_prepared_as_a_copy():
    cells = [new_markdown_cell("# Title\n\nAim."), new_code_cell("x", metadata={"tags": ["listing-9.1", "setup"]})]
    notebook = new_notebook(cells=cells)
    prepared = prepare_notebook(notebook, "a note")
    assert [cell.source for cell in prepared.cells] == ["# Title\n\na note\n\nAim.", "(listing-9.1)=", "x"]
    assert [cell.source for cell in notebook.cells] == ["# Title\n\nAim.", "x"]


def test_what_is_no_site_is_not_replaced(tmp_path, capsys):
    (tmp_path / "thesis.md").write_text("four years")
    with pytest.raises(SystemExit, match="2"):
        build_site.main(["--out", str(tmp_path)])
    assert "holds something else than a built site" in capsys.readouterr().err
    assert (tmp_path / "thesis.md").read_text() == "four years"


def test_addresses_outside_are_asked_for(tmp_path, address):
    links = f"[The site]({address}/index.html), [what is gone]({address}/gone.html)"
    pages = {PurePosixPath("index.md"): f"# Title\n\n{links}"}
    (broken,) = build_pages(tmp_path / "links", pages, builder="linkcheck")
    assert f"broken link: {address}/gone.html (404" in broken


# Ways into a notebook


def test_ways_in_lead_to_the_repository_that_built_the_site(site, read):
    links = read("notebooks/9_2_image_segmentation.html").links
    colab = (
        "https://colab.research.google.com/github/someone/companion/blob/gh-pages/colab/9_2_image_segmentation.ipynb"
    )
    assert colab in links
    assert "https://github.com/someone/companion/edit/main/notebooks/9_2_image_segmentation.py" in links
    assert "https://github.com/someone/companion/edit/main/README.md" in read("README.html").links
    solved = list_ways(PurePosixPath("notebooks/exercises/9_2_exercises.ipynb"), "https://github.com/someone/companion")
    assert "edit/main/notebooks/exercises/9_2_solutions.py" in solved
    assert {path.name for path in (site / "colab").iterdir()} == {place.name for place in list_notebooks()}


@pytest.mark.parametrize(
    ("remote", "repository"),
    [
        ("https://github.com/a/b.git", "https://github.com/a/b"),
        ("git@github.com:a/b.c.git", "https://github.com/a/b.c"),
        ("ssh://git@github.com/a/b", "https://github.com/a/b"),
        ("https://user:word@github.com/a/b", None),
        ("https://example.org/a/b", None),
        ("/srv/git/b", None),
        ("", None),
    ],
)
def test_repository_is_found(monkeypatch, remote, repository):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.setattr("machinery.site.address.ask_git", lambda *command: remote)
    assert find_repository() == repository


needs_git = pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")


def fetch_alone(folder, address, commit):
    """Run the first code cell of an independent notebook in a folder, with what tells where it is then."""
    notebook = new_notebook(cells=[new_code_cell("import helpers, os; print(os.getcwd(), helpers.__file__)")])
    cells = make_independent(notebook, PurePosixPath("notebooks"), address, commit).cells
    # As where the project is not installed.
    code = "import sys; sys.path = [p for p in sys.path if 'editable' not in p]\n"
    code += "sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f)]\n"
    code += "\n".join(cell.source for cell in cells)
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)


@needs_git
def test_independent_notebook_fetches_the_very_commit_once(tmp_path):
    origin = tmp_path / "origin"
    (origin / "notebooks/helpers").mkdir(parents=True)
    (origin / "sample_pets").mkdir()
    (origin / "sample_pets/__init__.py").touch()
    (origin / "notebooks/helpers/__init__.py").write_text("")
    run = ["git", "-C", str(origin), "-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*run, *command], check=True)
    commit = subprocess.run([*run, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run([*run, "commit", "-qm", "later", "--allow-empty"], check=True)

    alone = tmp_path / "alone"
    alone.mkdir()
    first = fetch_alone(alone, str(origin), commit)
    assert first.returncode == 0, first.stderr
    cwd, helpers = first.stdout.split()
    assert Path(cwd) == alone / f"companion-{commit[:7]}/notebooks"
    assert Path(helpers) == alone / f"companion-{commit[:7]}/notebooks/helpers/__init__.py"
    head = subprocess.run(
        ["git", "-C", alone / f"companion-{commit[:7]}", "rev-parse", "HEAD"], capture_output=True, text=True
    )
    assert head.stdout.strip() == commit
    (origin / ".git").rename(origin / "gone")  # what is fetched is not fetched again
    assert fetch_alone(alone, str(origin), commit).stdout == first.stdout


@needs_git
def test_independent_notebook_says_what_failed(tmp_path):
    done = fetch_alone(tmp_path, str(tmp_path / "nowhere"), "0" * 40)
    assert "RuntimeError: git -C" in done.stderr
    assert "does not appear to be a git repository" in done.stderr


def test_what_the_lessons_import_is_what_is_asked_for():
    sources = [
        path.read_text(encoding="utf-8")
        for folder in ("notebooks", "sample_pets")
        for path in (ROOT / folder).rglob("*.py")
    ]
    imported = set(re.findall(r"^ *(?:import|from) ([A-Za-z]\w+)", "\n".join(sources), re.MULTILINE))
    own = {"helpers", "sample_pets"}
    of_jupyter = {"IPython", "ipywidgets", "nbformat", "psutil", "traitlets"}  # wherever a notebook runs
    others = imported - set(sys.stdlib_module_names) - own - of_jupyter
    assert others == set(NEEDED.values())
