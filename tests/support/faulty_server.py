"""A web server on this machine that fails as planned and remembers what it was asked."""

import hashlib
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one answer; the default is nothing."""

    status: int = 200
    cut: int | None = None  # the connection is closed after so many bytes of the file
    stall: int | None = None  # nothing comes after so many bytes of the file
    body: bytes | None = None  # these bytes instead of the file
    location: str = ""  # a redirect to this path


@dataclass
class Asked:
    """A request and how many bytes of body it was given."""

    path: str
    start: int
    if_range: str | None
    sent: int = 0


class FaultyServer(ThreadingHTTPServer):
    """Serves `files`; each request takes the next Fault of `plan`, and none once it is used up."""

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files = files
        self.plan = []
        self.ranges = True
        self.etag = '"{}"'  # {} is the digest of the content
        self.headers = {}
        self.asked = []
        self.released = threading.Event()

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.shutdown()
        self.server_close()

    @property
    def sent(self):
        return sum(asked.sent for asked in self.asked)


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        asked = Asked(self.path, start, self.headers.get("If-Range"))
        self.server.asked.append(asked)
        fault = self.server.plan.pop(0) if self.server.plan else Fault()
        if fault.location:
            self.answer(302, {"Location": fault.location})
        elif fault.status != 200:
            self.answer(fault.status)
        elif self.path not in self.server.files:
            self.answer(404)
        else:
            self.serve(asked, fault)

    def answer(self, status, headers=None, length=0):
        self.send_response(status)
        for key, value in {"Content-Length": str(length), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()

    def serve(self, asked, fault):
        body = self.server.files[self.path] if fault.body is None else fault.body
        etag = self.server.etag.format(hashlib.md5(body).hexdigest())
        valid = asked.if_range is None or (asked.if_range == etag and etag[0] == '"')
        start = asked.start if self.server.ranges and valid else 0
        if start and start >= len(body):
            self.answer(416)
            return
        headers = {"ETag": etag, **self.server.headers}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        self.answer(206 if start else 200, headers, len(body) - start)
        end = next((n for n in (fault.cut, fault.stall) if n is not None), len(body))
        asked.sent = max(0, end - start)  # before the client can have it: tests read this
        self.wfile.write(body[start:end])
        if fault.stall is not None:
            self.wfile.flush()
            self.server.released.wait(20)
