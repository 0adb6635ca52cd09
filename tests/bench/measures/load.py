"""A load generator of its own process: keep-alive connections, one request at a time on each."""

import argparse
import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from typing import Any


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection: writes a request, reads head and body, and says how long it took."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[int] | None = None
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's name)
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator or self._answer is None:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) >= length:
            self._buffer = body[length:]
            self._answer.set_result(int(head[9:12]))

    async def ask(self, request: bytes) -> int:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


async def generate(host: str, port: int, head: str, body: bytes, *, connections: int, requests: int) -> dict[str, Any]:
    """Send requests and measure each."""
    loop = asyncio.get_running_loop()
    message = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
    left = iter(range(requests))
    latencies: list[float] = []
    statuses: dict[str, int] = {}

    async def client() -> None:
        _, connection = await loop.create_connection(Connection, host, port)
        for _ in left:
            started = time.perf_counter()
            status = await connection.ask(message)
            latencies.append(time.perf_counter() - started)
            statuses[str(status)] = statuses.get(str(status), 0) + 1

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(connections)))
    return {"seconds": time.perf_counter() - started, "latencies": latencies, "statuses": statuses}


async def post_from_own_process(
    host: str, port: int, path: str, headers: Mapping[str, str], body: bytes, *, connections: int, requests: int
) -> dict[str, Any]:
    """Run the generator in a process of its own, so that it does not share the server's core by accident."""
    head = f"POST {path} HTTP/1.1\r\nhost: {host}:{port}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items())
    order = {"host": host, "port": port, "head": head, "body": body.decode(), "connections": connections}
    process = await asyncio.create_subprocess_exec(sys.executable, __file__, stdin=PIPE, stdout=PIPE)
    out, _ = await process.communicate(json.dumps(order | {"requests": requests}).encode())
    result: dict[str, Any] = json.loads(out)
    return result


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    order = json.loads(sys.stdin.read())
    host, port, head, body = order["host"], order["port"], order["head"], order["body"].encode()
    counts = {"connections": order["connections"], "requests": order["requests"]}
    print(json.dumps(asyncio.run(generate(host, port, head, body, **counts))))


if __name__ == "__main__":
    main()
