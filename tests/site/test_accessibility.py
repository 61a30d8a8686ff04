"""The built site against the rules of WCAG 2.2, A and AA, as axe checks them."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from pages_of_the_site import EACH_PAGE

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
ALL_OF_IT = "notebooks/exercises/9_3_solutions.html"  # elsewhere code is left out: the same colours, a thousand times


@pytest.mark.parametrize("name", EACH_PAGE)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_accessible(visit, name, scheme):
    page = visit(name, scheme=scheme)
    left_out = [] if name == ALL_OF_IT else [[".highlight"]]
    context = {"include": [["html"]], "exclude": left_out}
    found = Axe().run(page, context=context, options={"runOnly": {"type": "tag", "values": RULES}}).response
    assert [(v["id"], v["help"], [node["target"] for node in v["nodes"]][:3]) for v in found["violations"]] == []
    assert len(found["passes"]) > 10
