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
    parser.add_argument("--kling-key", action="append", dest="kling_keys", help="repeat it for more accounts")
    parser.add_argument("--kling-access-key")
    parser.add_argument("--kling-secret-key")
    parser.add_argument("--kling-webhook-secret", help="whsec_…; signs Kling's callbacks")
    parser.add_argument("--veo-key", action="append", dest="veo_keys", help="repeat it for more accounts")
    parser.add_argument("--render-workers", type=int)
    parser.add_argument("--time-compression", type=float)
    parser.add_argument("--zero-latency", action="store_true", default=None)
    parser.add_argument("--small-clips", action="store_true", default=None)
    parser.add_argument("--seed", type=int)
    return {name: value for name, value in vars(parser.parse_args(words)).items() if value is not None}


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings(**arguments(sys.argv[1:]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(serve(settings)))


if __name__ == "__main__":
    main()
