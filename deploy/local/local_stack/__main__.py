"""Dailies on one machine: `python -m local_stack up | down | status | demo | logs | dead-letters | kill | restart`."""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from local_stack.dead_letters import AdminRefused, listing, replay
from local_stack.demo.gateway import NotFinished, Refused
from local_stack.demo.story import Incomplete, run_demo
from local_stack.parts import MissingProgram
from local_stack.process import StartFailed
from local_stack.stack import AlreadyRunning, NotRunning, Stack

WATCH_S = 1.0  # how often a foreground stack looks after its processes


def up(options: argparse.Namespace) -> int:
    """Start everything; with --foreground stay until told to stop."""
    stack = Stack(options.dir)
    stack.start(report=lambda line: print(line, flush=True))
    for name in ("gateway_url", "api_key"):
        print(f"{name:12} {stack.facts[name]}")
    print(f"{'all of it':12} {stack.layout.stack_file}", flush=True)
    return _watch(stack) if options.foreground else 0


def _watch(stack: Stack) -> int:
    """Stay until SIGINT or SIGTERM, or until a process dies; then stop everything."""
    told: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: told.append(received))
    dead: list[str] = []
    while not told and not dead:
        time.sleep(WATCH_S)
        dead = [process.spec.name for process in stack.processes if not process.is_alive()]
    for name in dead:
        print(f"{name} ended by itself; see {stack.layout.log(name)}", file=sys.stderr)
    stack.stop()
    return 1 if dead else 0


def down(options: argparse.Namespace) -> int:
    """Stop everything in reverse order."""
    stack = Stack(options.dir)
    if not stack.processes:
        print("the stack is not running")
        return 0
    stack.stop()
    print("stopped; the data stay in", stack.layout.root / "data")
    return 0


def status(options: argparse.Namespace) -> int:
    """Say of every process whether it runs and answers; 1 when one does not."""
    stack = Stack(options.dir)
    if not stack.processes:
        print("the stack is not running")
        return 1
    states = [(p, "ready" if p.is_ready() else "not ready" if p.is_alive() else "down") for p in stack.processes]
    for process, state in states:
        pid = process.pid if process.is_alive() else "-"
        print(f"{process.spec.name:14} {state:10} pid {pid!s:8} {process.spec.ready_url}")
    return 0 if all(state == "ready" for _, state in states) else 1


def demo(options: argparse.Namespace) -> int:
    """Run one job before everybody's eyes."""
    try:
        asyncio.run(run_demo(Stack(options.dir), lambda line: print(line, flush=True)))
    except (Incomplete, Refused, NotFinished, TimeoutError) as err:
        print(f"\n{err}\nLogs: {options.dir / 'logs'}", file=sys.stderr)
        return 1
    return 0


def logs(options: argparse.Namespace) -> int:
    """Print the end of one process's log, or of all."""
    folder = options.dir / "logs"
    paths = [folder / f"{options.name}.log"] if options.name else sorted(folder.glob("*.log"))
    for path in paths:
        if not path.exists():
            print(f"there is no {path}", file=sys.stderr)
            return 1
        print(f"==> {path}")
        print("\n".join(path.read_text(errors="replace").splitlines()[-options.lines :]))
    return 0


def kill(options: argparse.Namespace) -> int:
    """End one process with SIGKILL."""
    Stack(options.dir).kill(options.name)
    return 0


def restart(options: argparse.Namespace) -> int:
    """Start one process again with the same ports and environment."""
    Stack(options.dir).restart(options.name)
    return 0


def dead_letters(options: argparse.Namespace) -> int:
    """List the messages that no service could handle, or hand one back to the service that gave it up."""
    facts = Stack(options.dir).facts
    if not facts:
        raise NotRunning("the stack is not running; start it with `up`")
    lines = replay(facts, options.replay) if options.replay else listing(facts)
    print("\n".join(lines) or "there are no dead letters")
    return 0


def main() -> int:
    """Run one command; what is wrong is said in one sentence."""
    parser = argparse.ArgumentParser(prog="python -m local_stack", description=__doc__)
    home = Path(os.environ.get("DAILIES_HOME", ".dailies"))
    parser.add_argument("--dir", type=Path, default=home, help="folder of data, logs and stack.json")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        adding = commands.add_parser(run.__name__.replace("_", "-"), help=(run.__doc__ or "").strip())
        adding.set_defaults(run=run)
        return adding

    command(up).add_argument("--foreground", action="store_true", help="stay, and stop everything on Ctrl-C")
    command(down)
    command(status)
    command(demo)
    log_options = command(logs)
    log_options.add_argument("name", nargs="?", help="process name; all when left out")
    log_options.add_argument("-n", "--lines", type=int, default=20)
    command(dead_letters).add_argument("--replay", type=int, metavar="NUMBER", help="hand this one back")
    command(kill).add_argument("name")
    command(restart).add_argument("name")
    options = parser.parse_args()
    try:
        return int(options.run(options))
    except (AlreadyRunning, NotRunning, StartFailed, MissingProgram, AdminRefused) as err:
        print(err, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
