"""A web server on this machine that fails as planned and remembers what it was asked."""

import hashlib
import threading
from dataclasses import dataclass, field
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


@dataclass
class FaultyServer:
    """Serves `files`; each request takes the next Fault of `plan`, and none once it is used up."""

    files: dict[str, bytes] = field(default_factory=dict)
    plan: list[Fault] = field(default_factory=list)
    ranges: bool = True
    etag: str = '"{}"'  # {} is the digest of the content
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self):
        self.released = threading.Event()
        handler = type("Handler", (Handler,), {"owner": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.http.shutdown()
        self.http.server_close()

    @property
    def sent(self) -> int:
        return sum(asked.sent for asked in self.asked)


class Handler(BaseHTTPRequestHandler):
    owner: FaultyServer

    def log_message(self, *_):
        pass

    def do_GET(self):
        asked = Asked(self.path, self.asked_start(), self.headers.get("If-Range"))
        self.owner.asked.append(asked)
        fault = self.owner.plan.pop(0) if self.owner.plan else Fault()
        if fault.location or fault.status != 200:
            self.refuse(302 if fault.location else fault.status, fault.location)
        elif self.path not in self.owner.files:
            self.refuse(404)
        else:
            self.serve(asked, fault)

    def asked_start(self) -> int:
        return int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))

    def refuse(self, status, location=""):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if location:
            self.send_header("Location", location)
        self.end_headers()

    def serve(self, asked, fault):
        body = self.owner.files[self.path] if fault.body is None else fault.body
        etag = self.owner.etag.format(hashlib.md5(body).hexdigest())
        valid = asked.if_range is None or (asked.if_range == etag and etag[0] == '"')
        start = asked.start if self.owner.ranges and valid else 0
        if start and start >= len(body):
            self.refuse(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        for key, value in {"ETag": etag, **self.owner.headers}.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        end = next((n for n in (fault.cut, fault.stall) if n is not None), len(body))
        asked.sent = max(0, end - start)  # before the client can have it: tests read this
        self.wfile.write(body[start:end])
        if fault.stall is not None:
            self.wfile.flush()
            self.owner.released.wait(20)
