"""The explorer of 9.4 is clicked, in JupyterLab, in a real browser."""

import base64
import io
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress

import nbformat
import numpy as np
import pytest
import websocket
from PIL import Image

from helpers.lessons import NOTEBOOKS
from notebook_source import find_cells

STEM = "9_4_interpreting_convnets"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
# A small network in place of 9.3's; functions and menus are the notebook's own.
PREPARE = f"""
import keras, numpy as np
from helpers.lessons import load_lesson
lesson = load_lesson("{STEM}")
keras.utils.set_random_seed(1)
inputs = keras.Input((32, 32, 3))
x = keras.layers.Conv2D(4, 3, strides=2, activation="leaky_relu", name="first")(inputs)
x = keras.layers.Conv2D(6, 3, strides=2, activation="leaky_relu", name="second")(x)
lesson.network = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)))
lesson.prepare, lesson.cam_size, lesson.labels, lesson.explained = lambda pictures: pictures, (32, 32), list("abc"), 1
lesson.picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), "uint8")
lesson.img_array = lesson.picture[None].astype("float32")
lesson.last_conv_layer_model, lesson.classifier_model = lesson.split_at(lesson.network)
lesson.names = list(lesson.last_of_each_size(lesson.network).values())
globals().update(vars(lesson))
"""


class Browser:
    """A page of a headless Chromium, by its debugging protocol."""

    def __init__(self, port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            (page,) = (page for page in json.load(answer) if page["type"] == "page")
        self.socket = websocket.create_connection(page["webSocketDebuggerUrl"], suppress_origin=True, timeout=60)
        self.numbers = itertools.count(1)

    def call(self, method, **params):
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while (answer := json.loads(self.socket.recv())).get("id") != number:
            pass
        return answer["result"]

    def evaluate(self, code):
        answer = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, code, seconds=120):
        """Return what a JavaScript expression gives as soon as it is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := self.evaluate(code):
                return value
            time.sleep(0.2)
        raise TimeoutError(f"{code} stayed false; the page shows {self.evaluate('document.body.innerText')[-2000:]}")


def find_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def running(command, log, **options):
    """Start a program that writes to a log, and end it."""
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output, **options) as process:
        try:
            yield process
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def wait_until_open(port, process, log):
    for _ in range(600):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise TimeoutError(log.read_text())


@pytest.fixture
def page(tmp_path):
    """A browser that has the explorer open in JupyterLab, and the server's log."""
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    menus = find_cells(STEM, "explorer")[-1]
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in (PREPARE, menus)]
    nbformat.write(notebook, tmp_path / "explorer.ipynb")
    lab_port, debugging_port = find_port(), find_port()
    lab = [sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser", "--IdentityProvider.token="]
    lab += [f"--port={lab_port}", f"--notebook-dir={tmp_path}", "--LabApp.expose_app_in_browser=True"]
    environment = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"}
    environment |= {"PYTHONPATH": str(NOTEBOOKS), "JUPYTER_CONFIG_DIR": str(tmp_path), "MPLCONFIGDIR": str(tmp_path)}
    chromium = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'chromium'}"]
    chromium += [f"--remote-debugging-port={debugging_port}", "--window-size=1400,1000", "about:blank"]
    logs = tmp_path / "lab.log", tmp_path / "chromium.log"
    with running(lab, logs[0], env=environment) as server, running(chromium, logs[1]) as browser:
        wait_until_open(lab_port, server, logs[0])
        wait_until_open(debugging_port, browser, logs[1])
        opened = Browser(debugging_port)
        opened.call("Page.navigate", url=f"http://127.0.0.1:{lab_port}/lab/tree/explorer.ipynb")
        yield opened, logs[0]


PICTURE = "document.querySelector('.widget-output img, .jupyter-widgets-output-area img')"


def choose(browser, label, value):
    """Choose an entry of a menu, as a hand does."""
    browser.evaluate(
        f"""(() => {{
          const row = [...document.querySelectorAll('.jupyter-widgets')].find(
            box => box.querySelector(':scope > label')?.innerText == {label!r} && box.querySelector('select, input'));
          const menu = row.querySelector('select, input');
          if (menu.tagName == 'SELECT')
            menu.selectedIndex = [...menu.options].findIndex(option => option.text == {value!r});
          else
            menu.value = {value!r};
          menu.dispatchEvent(new Event('change', {{bubbles: true}}));
          menu.dispatchEvent(new Event('blur', {{bubbles: true}}));
        }})()"""
    )


def press(browser, before):
    """Press the button, wait for another figure than `before`, and return its address and it in 8 rows of 20 pixels."""
    browser.evaluate("document.querySelector('.jupyter-widgets button, button.jupyter-button').click()")
    source = browser.wait_for(f"(() => {{const src = {PICTURE}?.src; return src != {before!r} && src}})()")
    pixels = Image.open(io.BytesIO(base64.b64decode(source.partition("base64,")[2]))).convert("RGB")
    return source, np.asarray(pixels.resize((20, 8), Image.Resampling.BOX), "int16")


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")
def test_explorer_answers_in_a_browser(page):
    browser, log = page
    panel = "[...(window.jupyterapp?.shell.widgets('main') ?? [])][0]"
    browser.wait_for(f"!!{panel}?.sessionContext?.session?.kernel")
    browser.evaluate(f"void window.jupyterapp.shell.activateById({panel}.id)")
    browser.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    browser.wait_for("!!document.querySelector('.jupyter-widgets button')")
    source, before = press(browser, "")
    changed = {}
    for menu, value in (("channel", "1"), ("class", "c"), ("layer", "first")):
        choose(browser, menu, value)
        source, after = press(browser, source)
        moved = np.abs(after - before).max((0, 2))
        changed[menu] = [bool(moved[place].max() > 8) for place in (slice(1, 5), slice(8, 12), slice(13, 17))]
        before = after
    # A new layer may also push the heatmap aside, by a wider number at the colour bar.
    assert changed.pop("layer")[:2] == [True, True]
    assert changed == {"channel": [True, True, False], "class": [False, False, True]}
    shown = browser.evaluate("document.querySelector('.jp-Notebook').innerText")
    assert not re.search("Error|Traceback", shown + log.read_text())
