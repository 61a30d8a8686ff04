"""Processes that work for another one."""

import os
import signal
import threading
from multiprocessing import parent_process


def end_with_parent():
    """Let this process end when the one that started it ends, however that be, and leave Ctrl-C to that one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait():
        parent_process().join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
