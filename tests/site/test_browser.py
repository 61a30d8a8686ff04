"""The built site as a reader meets it: in Chromium, on a desktop and on a phone, light and dark."""

import pytest

from pages_of_the_site import EACH_PAGE, SIZES

LESSON = "notebooks/9_4_interpreting_convnets.html"


@pytest.mark.parametrize("name", EACH_PAGE)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_whole(visit, name, scheme):
    page = visit(name, scheme=scheme)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    unseen = "[...document.images].filter(image => !image.alt || (image.complete && !image.naturalWidth)).length"
    assert page.evaluate(unseen) == 0
    filters = "[...document.querySelectorAll('.bd-content img')].map(image => getComputedStyle(image).filter)"
    assert set(page.evaluate(filters)) <= {"none"}, "a filter falsifies colours"
    for width, height in SIZES.values():
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, "the page scrolls sideways"
    assert page.complaints == []


@pytest.mark.parametrize("name", ["index.html", "live.html", LESSON])
def test_page_opens_on_a_phone(visit, name):
    page = visit(name, "phone")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.complaints == []


def test_search_finds_grad_cam(visit):
    page = visit("search.html?q=Grad-CAM")
    page.wait_for_selector("#search-results li a")
    found = [link.get_attribute("href") for link in page.query_selector_all("#search-results li a")]
    assert any(LESSON in link for link in found[:5])


def test_search_box_opens_from_the_keyboard(visit):
    page = visit("index.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("Grad-CAM")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=Grad-CAM*")


def test_folded_answers_and_cells_open(visit):
    page = visit(LESSON)
    answer = page.locator(".bd-content details:not(.hide)").first
    folded = answer.locator("> :not(summary)").first
    assert not folded.is_visible()
    answer.locator("summary").click()
    assert folded.is_visible()
    code = page.locator("details.hide").first
    assert not code.locator("pre").first.is_visible()
    code.locator("summary").click()
    assert code.locator("pre").first.is_visible()


def test_contents_mark_the_place(visit):
    page = visit(LESSON)
    active = page.locator(".bd-sidebar-primary .current.active > a")
    assert "9.4 Interpreting" in active.inner_text()
    page.evaluate("document.querySelector('#the-sanity-check').scrollIntoView()")
    page.wait_for_selector("#pst-page-toc-nav a[aria-current='true'][href='#the-sanity-check']")


def test_a_link_to_a_listing_leads_to_its_cell(visit):
    page = visit(f"{LESSON}#listing-9-24")
    cell = page.locator("#listing-9-24")
    assert "# Listing 9.24" in cell.inner_text()
    assert 0 <= cell.bounding_box()["y"] < 300


def test_keyboard_reaches_every_link(visit):
    page = visit("index.html")
    shown = "a => a.checkVisibility() && a.textContent !== '#'"  # not the marks that copy a heading's address
    links = page.evaluate(f"[...document.querySelectorAll('.bd-main a[href]')].filter({shown}).map(a => a.href)")
    reached = set()
    for _ in range(200):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.href || document.activeElement.id"))
    assert len(links) > 5
    assert set(links) <= reached
