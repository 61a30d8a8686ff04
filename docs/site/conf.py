"""How Sphinx builds the site. `machinery/site` gathers the pages and calls it; `make site` is the command."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

project = "Advanced computer vision, run and checked"
author = "the contributors of the companion"
copyright = "the contributors, MIT licence"
version = release = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

extensions = ["myst_nb"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # what is shown is what is stored, or what a run has made
nb_render_text_lexer = "none"
nb_code_prompt_show = "Show the code of this figure"
nb_code_prompt_hide = "Hide the code of this figure"
suppress_warnings = ["mystnb.unknown_mime_type"]  # a widget has its picture beside it

html_theme = "sphinx_book_theme"
html_title = project
html_favicon = "static/icon.svg"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system is
html_theme_options = {
    "home_page_in_toc": True,
    "navbar_persistent": [],  # the search box stands in the side bar already
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
