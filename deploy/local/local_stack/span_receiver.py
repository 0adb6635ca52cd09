"""Receive OTLP over HTTP and append every span to a file: `python -m local_stack.span_receiver`.

The local stack's stand-in for a collector. Metrics and logs are accepted and dropped.
"""

import argparse
import gzip
import signal
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from local_stack.ports import LOOPBACK
from local_stack.spans import NotAnExport, Span, decode_export, to_line

MAX_BODY_BYTES = 16 * 1024 * 1024  # exporters send at most 512 spans at once; this is far above

MAX_FILE_BYTES = 256 * 1024 * 1024  # at each start a larger file is set aside


class SpanFile:
    """The file that spans are appended to, from any thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > MAX_FILE_BYTES:
            path.replace(path.with_name(f"{path.name}.old"))
        self._file = path.open("a", buffering=1)
        self._lock = threading.Lock()

    def append(self, spans: tuple[Span, ...]) -> None:
        """Append the spans of one export."""
        lines = "".join(to_line(span) for span in spans)
        with self._lock:
            self._file.write(lines)
            self._file.flush()


class SpanHandler(BaseHTTPRequestHandler):
    """`POST /v1/traces` as the OTLP specification says; `GET /healthz`."""

    protocol_version = "HTTP/1.1"
    span_file: ClassVar[SpanFile]

    def do_GET(self) -> None:
        """Say that the receiver is up."""
        self._answer(HTTPStatus.OK if self.path == "/healthz" else HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Take one export."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY_BYTES:
            self.close_connection = True
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        body = self.rfile.read(length)
        self._answer(self._take(body) if self.path == "/v1/traces" else HTTPStatus.OK)

    def _take(self, body: bytes) -> HTTPStatus:
        try:
            plain = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            self.span_file.append(decode_export(plain))
        except (NotAnExport, gzip.BadGzipFile, EOFError):
            return HTTPStatus.BAD_REQUEST
        return HTTPStatus.OK

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Stay silent: one line a request would drown the log."""


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--file", type=Path, required=True, help="where the spans go, one JSON object a line")
    options = parser.parse_args()
    SpanHandler.span_file = SpanFile(options.file)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ThreadingHTTPServer.daemon_threads = True
    with ThreadingHTTPServer((LOOPBACK, options.port), SpanHandler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
