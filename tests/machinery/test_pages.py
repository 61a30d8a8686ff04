"""The pages of two notebooks that look executed."""

import html
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from machinery.runner.pages import render_index, render_page

PROSE = "The area is $a^2$.\n\n<details><summary>Solution</summary>\n\n```python\nfolded = True\n```\n</details>"
FIGURE = new_output("display_data", {"image/png": "iVBORw0KGgo="}, metadata={"alt": 'one "dot"'})
SHAPES = new_notebook(cells=[new_markdown_cell(PROSE), new_code_cell("show()", outputs=[FIGURE])])
LAST = new_notebook(cells=[new_code_cell("print('still', 'here')")])
RUN = {"profile": "book", "status": "ok", "cells": "1/1", "seconds": 75.0, "peak": 2e9, "finished": "2024-01-02 03:04"}
SHAPES.metadata.run = RUN | {"name": "9_1_shapes", "title": "Shapes & areas", "results": [["iou / animal", "0.1235"]]}
LAST.metadata.run = RUN | {"name": "9_2_last", "title": "The last one", "results": []}


@pytest.fixture(scope="module")
def shapes():
    return render_page(SHAPES)


@pytest.fixture
def index(tmp_path):
    nbformat.write(SHAPES, tmp_path / "9_1_shapes.ipynb")
    nbformat.write(LAST, tmp_path / "9_2_last.ipynb")
    return render_index(tmp_path)


def find_remote(page):
    """Return what a page fetches from elsewhere when it opens."""
    fetched = r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["']?(https?:[^"'> ]*)|url\(["']?(https?:[^)]*)"""
    return ["".join(found) for found in re.findall(fetched, page)]


def test_pages_open_offline(shapes, index):
    last = render_page(LAST)
    assert find_remote('<script async src="https://a.b/c.js">') == ["https://a.b/c.js"]
    assert find_remote(index) == find_remote(last) == []
    assert [re.sub("/.*", "", url.split("//")[1]) for url in find_remote(shapes)] == ["cdnjs.cloudflare.com"]
    assert "<script async" in shapes  # formulas alone, and the page does not wait for them
    assert "require" not in last


def test_pages_show_figures_and_folded_solutions(shapes):
    assert re.search(r'<img alt="one &quot;dot&quot;"|<img alt=\'one "dot"\'', shapes)
    folded = re.search(r"<details><summary>Solution</summary>(.*?)</details>", shapes, re.DOTALL)[1]
    assert "folded" in folded


def test_index_lists_runs_and_results(index):
    index = html.unescape(index)
    assert '<a href="9_1_shapes.html">Shapes & areas</a>' in index
    assert '<a href="9_2_last.html">The last one</a>' in index
    assert re.search("<td>iou / animal<td>0.1235", index)
    assert "book\nprofile" in index
    assert "Python 3." in index


@pytest.mark.parametrize("content", ["", "[]", "null", "{}", '{"cells": 3}', "[" * 10_000])
def test_index_leaves_out_what_is_no_run_of_ours(tmp_path, capsys, content):
    nbformat.write(SHAPES, tmp_path / "9_1_shapes.ipynb")
    (tmp_path / "9_0_foreign.ipynb").write_text(content)
    nbformat.write(new_notebook(metadata={"run": {"name": "9_5"}}), tmp_path / "9_5_other.ipynb")
    index = render_index(tmp_path)
    assert "9_1_shapes.html" in index
    assert "foreign" not in index
    assert "9_5" not in index
    assert "9_0_foreign.ipynb is left out of the index" in capsys.readouterr().err
