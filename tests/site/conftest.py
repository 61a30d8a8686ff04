"""The site, built once for all tests, and a browser to look at it with."""

import os
import shutil
import threading
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO

import pytest
from filelock import FileLock
from playwright.sync_api import sync_playwright

import build_site
from pages_of_the_site import SIZES


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder, built as on a runner of GitHub, once for all workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            build(folder)
    return folder


def build(folder):
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()), redirect_stderr(StringIO()) as said:
        patch.setenv("GITHUB_REPOSITORY", "someone/companion")
        patch.setattr(build_site, "find_commit", lambda: 40 * "0")  # a downloaded archive is no repository
        status = build_site.main(["--out", str(folder)])
    assert (status, said.getvalue()) == (0, "")


@pytest.fixture(scope="module")
def browser():
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    if not (chromium := next(filter(None, map(shutil.which, names)), None)):
        pytest.skip("no Chromium is installed: the pages are not looked at")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        yield browser
        browser.close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def address(site):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def visit(browser, address):
    """A function that opens a page; what it said wrong and what it fetched from elsewhere is in `page.complaints`."""
    contexts = []

    def open_page(name, size="desktop", scheme="light"):
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",  # else axe may meet a colour half-way
        )
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("requestfailed", lambda request: page.complaints.append(f"failed: {request.url}"))
        remote = lambda request: not request.url.startswith((address, "data:", "blob:"))  # noqa: E731
        page.on("request", lambda request: remote(request) and page.complaints.append(f"remote: {request.url}"))
        page.goto(f"{address}/{name}", wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()
