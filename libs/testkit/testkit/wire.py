"""Compare what two clients put on the wire: a vendor's own client and our adapter, asked for the same thing.

```python
with WireTap(simulator_url) as tap:              # a proxy that remembers; both clients are given tap.url
    vendor_client.generate(...)
    theirs = tap.last("POST")
    await adapter.submit(order)
    compare(theirs, tap.last("POST"), headers=("authorization",), reasons={
        "body.parameters.sampleCount": "We say how many clips we pay for; the client leaves it to the vendor.",
    })
```
`reasons` is the list of every difference with its reason: one that is missing fails, and so does one that is stale.
"""

import http.client
import json
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

ABSENT = "(absent)"
TIMEOUT_S = 60.0
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One request as it arrived, and the answer's status.

    Attributes:
        headers: Names in lower case.
        status: Of the answer; 0 where there was none.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes
    status: int

    @property
    def body(self) -> Any:
        """The body as JSON; the text itself where it is none; None where it is empty."""
        try:
            return json.loads(self.content) if self.content else None
        except ValueError:
            return self.content.decode(errors="replace")


class Difference(NamedTuple):
    """The same place in two requests."""

    theirs: Any
    ours: Any


class WireTap:
    """A proxy on a free port that hands every request on to one server and remembers it.

    Args:
        upstream: Scheme and authority of the server; a path in it is ignored.
        tls: Speak https with clients that insist on it; the server is told so.

    Attributes:
        url: Scheme and authority to give to a client instead of the server's.
        sent: Every request so far, in the order in which they were answered.
    """

    def __init__(self, upstream: str, *, tls: ssl.SSLContext | None = None) -> None:
        self.sent: list[Sent] = []
        self._server = _Server(urlsplit(upstream).netloc, self.sent, tls)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"{self._server.scheme}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def all(self, method: str, path: str = "") -> list[Sent]:
        """Give the requests of one method whose path contains a text."""
        return [sent for sent in self.sent if sent.method == method and path in sent.path]

    def last(self, method: str, path: str = "") -> Sent:
        """Give the latest request of one method whose path contains a text.

        Raises:
            AssertionError: There was none.
        """
        found = self.all(method, path)
        assert found, f"no {method} {path} among {[(sent.method, sent.path) for sent in self.sent]}"
        return found[-1]


def differences(theirs: Sent, ours: Sent, *, headers: Iterable[str] = ()) -> dict[str, Difference]:
    """Compare two requests: method, path, query, the named headers, and the body down to every field.

    Args:
        theirs: By the vendor's client.
        ours: By our adapter.
        headers: Those that matter, in lower case.

    Returns:
        Differences by place, for example `body.parameters.seed` or `header.x-api-key`.
    """
    pair = (dict(_places(theirs, headers)), dict(_places(ours, headers)))
    places = list(dict.fromkeys([*pair[0], *pair[1]]))
    found = {place: Difference(pair[0].get(place, ABSENT), pair[1].get(place, ABSENT)) for place in places}
    return {place: each for place, each in found.items() if each.theirs != each.ours}


def compare(theirs: Sent, ours: Sent, *, headers: Iterable[str] = (), reasons: Mapping[str, str] | None = None) -> None:
    """Hold that two requests differ exactly where reasons are given.

    Args:
        theirs: By the vendor's client.
        ours: By our adapter.
        headers: Those that matter, in lower case.
        reasons: Why they differ, by place as `differences` names it.

    Raises:
        AssertionError: A difference without a reason, or a reason without a difference.
    """
    found = differences(theirs, ours, headers=headers)
    known = reasons or {}
    unexplained = {place: each for place, each in found.items() if place not in known}
    stale = sorted(set(known) - set(found))
    assert not unexplained, f"not explained: {unexplained}"
    assert not stale, f"no longer different: {stale}"
    assert all(known.values()), "a reason is a sentence"


def _places(sent: Sent, headers: Iterable[str]) -> Iterator[tuple[str, Any]]:
    yield "method", sent.method
    yield "path", sent.path
    for name, value in sent.query.items():
        yield f"query.{name}", value
    for name in headers:
        yield f"header.{name}", sent.headers.get(name, ABSENT)
    yield from _leaves("body", sent.body)


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, part in value.items():
            yield from _leaves(f"{place}.{name}", part)
    elif isinstance(value, list) and value:
        for number, part in enumerate(value):
            yield from _leaves(f"{place}[{number}]", part)
    else:
        yield place, value


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, upstream: str, sent: list[Sent], tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.sent = sent
        self.scheme = "https" if tls else "http"
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def relay(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        status = 0
        try:
            status, headers, answer = self._forward(content)
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # as the server did: no answer
            return
        finally:
            self.server.sent.append(self._remembered(content, status))
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else answer)

    def _forward(self, content: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.server.upstream, timeout=TIMEOUT_S)
        try:
            # The client's own Host goes along, so that URLs in answers lead here again.
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            headers["x-forwarded-proto"] = self.server.scheme
            connection.request(self.command, self.path, body=content or None, headers=headers)
            reply = connection.getresponse()
            kept = [(name, value) for name, value in reply.getheaders() if name.lower() not in HOP_BY_HOP]
            return reply.status, kept, reply.read()
        finally:
            connection.close()

    def _remembered(self, content: bytes, status: int) -> Sent:
        url = urlsplit(self.path)
        return Sent(
            method=self.command,
            path=url.path,
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            content=content,
            status=status,
        )

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Say nothing."""

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = relay  # noqa: N815 (the base class looks for these)
