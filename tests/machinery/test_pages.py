"""The pages of two notebooks that look executed."""

import re
from html.parser import HTMLParser

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from machinery.runner.pages import escape, make_pages, read_runs
from machinery.site.building import build_pages, check_target
from machinery.site.gathering import PurePosixPath

ANSWER = "<details><summary>Solution</summary>\n\n```python\nfolded = True\n```\n</details>"
PROSE = f"# Shapes & areas\n\nThey grow.\n\n{ANSWER}"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
FIGURE = new_output("display_data", {"image/png": PIXEL}, metadata={"image/png": {"alt": 'one "dot"'}})
SHAPES = new_notebook(cells=[new_markdown_cell(PROSE), new_code_cell("show()", outputs=[FIGURE])])
LAST = new_notebook(cells=[new_markdown_cell("# The last one"), new_code_cell("print('still', 'here')")])
RUN = {"profile": "book", "status": "ok", "cells": "1/1", "seconds": 75.0, "peak": 2e9, "finished": "2024-01-02 03:04"}
for notebook in (SHAPES, LAST):
    notebook.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata.language_info = {"name": "python"}
SHAPES.metadata.run = RUN | {"name": "9_1_shapes", "title": "Shapes & areas", "results": [["iou / a|b", "0.1235"]]}
LAST.metadata.run = RUN | {"name": "9_2_last", "title": "The last one", "status": "failed", "results": []}


class Text(HTMLParser):
    """Gathers the text of a page."""

    def __init__(self):
        super().__init__()
        self.said = ""

    def handle_data(self, data):
        self.said += data


def read_text(path):
    """Return the text of a page, with single blanks."""
    parser = Text()
    parser.feed(path.read_text(encoding="utf-8"))
    return " ".join(parser.said.split())


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the built pages."""
    folder = tmp_path_factory.mktemp("runs")
    nbformat.write(SHAPES, folder / "9_1_shapes.ipynb")
    nbformat.write(LAST, folder / "9_2_last.ipynb")
    assert build_pages(folder / "html", make_pages(read_runs(folder))) == []
    return folder / "html"


def test_first_page_lists_runs_and_results(built):
    said = read_text(built / "index.html")
    assert "Shapes & areas" in said
    assert "ok: 1/1 cells, book profile, 1 min 15 s, 2.00 GB peak memory, 2024-01-02 03:04" in said
    assert "iou / a|b 0.1235" in said
    assert "failed: 1/1 cells" in said
    assert "Python 3." in said
    page = (built / "index.html").read_text(encoding="utf-8")
    assert 'href="notebooks/9_1_shapes.html"' in page
    assert "<strong>failed</strong>" in page


def test_page_of_a_notebook_has_its_account_its_figures_and_folded_answers(built):
    page = (built / "notebooks/9_1_shapes.html").read_text(encoding="utf-8")
    assert "ok: 1/1 cells" in read_text(built / "notebooks/9_1_shapes.html")
    assert re.search(r'<img alt="one &quot;dot&quot;"', page)
    assert "folded" in re.search(r"<details><summary>Solution</summary>(.*?)</details>", page, re.DOTALL)[1]


@pytest.mark.parametrize("content", ["", "[]", "null", "{}", '{"cells": 3}', "[" * 10_000])
def test_what_is_no_run_of_ours_is_left_out(tmp_path, capsys, content):
    nbformat.write(SHAPES, tmp_path / "9_1_shapes.ipynb")
    (tmp_path / "9_0_foreign.ipynb").write_text(content)
    nbformat.write(new_notebook(metadata={"run": {"name": "9_5"}}), tmp_path / "9_5_other.ipynb")
    runs = read_runs(tmp_path)
    assert list(runs) == ["9_1_shapes"]
    assert "9_0_foreign.ipynb is left out of the pages" in capsys.readouterr().err


def test_a_solved_exercise_lies_where_its_links_lead_to_the_lesson():
    pages = make_pages({"9_2_solutions": SHAPES})
    assert PurePosixPath("notebooks/exercises/9_2_solutions.ipynb") in pages


def test_text_is_shown_to_the_letter():
    assert escape("a|b *c* [d](e)") == r"a\|b \*c\* \[d\]\(e\)"


def test_pages_of_before_the_site_are_replaced_and_nothing_else(tmp_path):
    (tmp_path / "index.html").touch()
    (tmp_path / "9_2_image_segmentation.html").touch()
    check_target(tmp_path)
    (tmp_path / "mine.html").touch()
    with pytest.raises(FileExistsError, match="something else than a built site"):
        check_target(tmp_path)
    check_target(tmp_path / "not there yet")
