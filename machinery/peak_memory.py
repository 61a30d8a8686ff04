"""The largest memory of the processes that a piece of code starts."""

import threading
from contextlib import suppress

import psutil


class PeakMemory:
    """Watch the processes started in a `with` block; `peak` is their largest memory together, in bytes."""

    def __enter__(self):
        self.peak, self._before, self._over = 0, set(psutil.Process().children(recursive=True)), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _watch(self):
        seen = set()
        while not self._over.wait(0.3):
            total, started = 0, set(psutil.Process().children(recursive=True)) - self._before
            for process in started & seen:  # one that starts just now still looks like its parent
                with suppress(psutil.Error):  # it has just ended
                    total += process.memory_info().rss
            self.peak, seen = max(self.peak, total), started
