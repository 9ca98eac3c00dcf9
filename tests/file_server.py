"""A local HTTP server whose responses can be made faulty one at a time."""

import contextlib
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """The faults of a response. By default, the response is correct and supports Range."""

    status: int = 200
    headers: dict = field(default_factory=dict)
    body: bytes | None = None  # body to send instead of the file
    announced: int | None = None  # value of Content-Length
    cut: int | None = None  # number of bytes after which the connection is closed
    stall: int | None = None  # number of bytes after which the server stops sending
    chunked: bool = False  # whether to send chunks instead of a Content-Length
    endless: bool = False  # whether to send neither, so that the body ends with the connection
    ignore_range: bool = False
    shift: int = 0  # number of bytes by which the requested part begins too late


class FileServer:
    """The files and the faulty responses by path, and a record of the requests. Each faulty response is sent once."""

    def __init__(self):
        self.files, self.spoilt, self.requests = {}, {}, []
        self.released = threading.Event()

    def add(self, **files):
        """Adds files by name, for example `add(**{"a.txt": b"..."})`."""
        self.files |= {f"/{name}": body for name, body in files.items()}

    def spoil(self, name, *answers):
        self.spoilt.setdefault(f"/{name}", []).extend(answers)

    def ranges(self, name):
        """Returns the Range headers of the requests for a file."""
        return [wanted for path, wanted in self.requests if path == f"/{name}"]

    def index(self, **changed):
        """Returns the index of the files in the form of a Zenodo record."""
        entries = [
            {"key": path[1:], "size": len(body), "checksum": f"md5:{hashlib.md5(body).hexdigest()}", "links": {}}
            for path, body in {**self.files, **{f"/{name}": body for name, body in changed.items()}}.items()
        ]
        return json.dumps({"id": 10633252, "files": entries}).encode()


@contextlib.contextmanager
def file_server():
    """Context manager that starts a server and yields it with its `url`."""
    server = FileServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def do_GET(self):
            server.requests.append((self.path, self.headers.get("Range")))
            waiting = server.spoilt.get(self.path)
            answer = waiting.pop(0) if waiting else Answer()
            with contextlib.suppress(ConnectionError):
                _answer(self, answer, server)

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield server
    finally:
        server.released.set()
        http.shutdown()
        http.server_close()
        thread.join()


def _answer(handler, answer, server):
    body = server.files.get(handler.path) if answer.body is None else answer.body
    status, headers = answer.status, dict(answer.headers)
    if body is None and status == 200:
        status, body = 404, b"no such file"
    elif status == 200:
        status, body, headers = _part(handler, answer, body, headers)
    body = body or b""
    handler.send_response(status)
    handler.send_header("Connection", "close")
    for name, value in headers.items():
        handler.send_header(name, value)
    if answer.chunked:
        handler.send_header("Transfer-Encoding", "chunked")
    elif not answer.endless:
        handler.send_header("Content-Length", str(len(body) if answer.announced is None else answer.announced))
    handler.end_headers()
    stop = answer.cut if answer.stall is None else answer.stall
    handler.wfile.write(_chunks(body[:stop], ended=stop is None) if answer.chunked else body[:stop])
    handler.wfile.flush()
    if answer.stall is not None:
        server.released.wait(30)
    handler.close_connection = True


def _chunks(body, ended):
    pieces = [body[start : start + 9_999] for start in range(0, len(body), 9_999)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n" * ended


def _part(handler, answer, body, headers):
    wanted = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    if wanted is None or answer.ignore_range:
        return 200, body, headers
    start = int(wanted[1]) + answer.shift
    if start >= len(body):
        return 416, b"", {**headers, "Content-Range": f"bytes */{len(body)}"}
    return 206, body[start:], {**headers, "Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
