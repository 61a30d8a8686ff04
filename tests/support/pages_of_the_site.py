"""The names of the pages of the site."""

import build_site
from machinery.site.gathering import list_notebooks

NOTEBOOKS = [str(place.with_suffix("")) for place in list_notebooks()]
PAGES = [f"{place}.html" for place in [*build_site.OWN, "from_the_book", *NOTEBOOKS, *build_site.PROSE]]
