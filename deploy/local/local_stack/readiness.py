"""Tell whether a server answers, by the URL that says so.

`http://…` is ready at status 200; `tcp://host:port` is ready when it accepts a connection.
"""

import http.client
import socket
from urllib.parse import urlsplit

PROBE_TIMEOUT_S = 2.0


def answers(url: str) -> bool:
    """Ask once.

    Args:
        url: `http://host:port/path` or `tcp://host:port`.

    Raises:
        ValueError: another scheme, or no port.
    """
    parts = urlsplit(url)
    if parts.hostname is None or parts.port is None or parts.scheme not in {"http", "tcp"}:
        raise ValueError(f"not a readiness URL: {url!r}")
    if parts.scheme == "tcp":
        return _accepts(parts.hostname, parts.port)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return _is_ok(parts.hostname, parts.port, path)


def _accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=PROBE_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _is_ok(host: str, port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
