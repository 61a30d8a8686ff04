"""The names of the pages of the site, and the screens to look at them on."""

import pytest

import build_site
from machinery.site.gathering import list_notebooks

NOTEBOOKS = [str(place.with_suffix("")) for place in list_notebooks()]
PAGES = [f"{place}.html" for place in [*build_site.OWN, "from_the_book", *NOTEBOOKS, *build_site.PROSE]]
FEW = ("index.html", "live.html", "notebooks/9_4_interpreting_convnets.html", "notebooks/exercises/9_3_solutions.html")
assert {*FEW} <= {*PAGES}  # else each night alone would they be looked at
EACH_PAGE = [pytest.param(name, marks=() if name in FEW else pytest.mark.slow) for name in PAGES]
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}  # pixels; the phone last
