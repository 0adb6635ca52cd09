"""Run the simulator: `python -m simulator --port 8090 --state-dir .dailies/simulator`."""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

import uvloop

from simulator.server import serve
from simulator.settings import Settings


def arguments(words: list[str]) -> dict[str, Any]:
    """Read the command line; what is not given comes from the environment."""
    parser = argparse.ArgumentParser(prog="simulator", description="Serve the simulated video vendors.")
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--state-dir", type=Path)
    parser.add_argument("--key", action="append", dest="keys", metavar="VENDOR=KEY", help="repeat it for more accounts")
    parser.add_argument("--kling-access-key")
    parser.add_argument("--kling-secret-key")
    parser.add_argument(
        "--webhook-secret", action="append", dest="webhook_secrets", metavar="VENDOR=SECRET", help="signs its callbacks"
    )
    parser.add_argument("--render-workers", type=int)
    parser.add_argument("--time-compression", type=float)
    parser.add_argument("--zero-latency", action="store_true", default=None)
    parser.add_argument("--small-clips", action="store_true", default=None)
    parser.add_argument("--seed", type=int)
    given = {name: value for name, value in vars(parser.parse_args(words)).items() if value is not None}
    if "keys" in given:
        pairs = [_pair(word) for word in given["keys"]]
        given["keys"] = {vendor: tuple(key for name, key in pairs if name == vendor) for vendor, _ in pairs}
    if "webhook_secrets" in given:
        given["webhook_secrets"] = dict(_pair(word) for word in given["webhook_secrets"])
    return given


def _pair(word: str) -> tuple[str, str]:
    vendor, _, value = word.partition("=")
    return vendor, value


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings(**arguments(sys.argv[1:]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(serve(settings)))


if __name__ == "__main__":
    main()
