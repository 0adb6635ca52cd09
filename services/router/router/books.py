"""Composition root of the bookkeeping: `python -m router.books check | rebuild`.

`check` compares the budget records with the log and exits with 1 where they differ; `rebuild` writes them as the log
has them, while no router runs.
"""

import argparse
import sys

from runtime.service import open_service, run_service

from router.adapters.bookkeeping import Bookkeeping
from router.settings import Settings

SERVICE = "router-books"


async def run(settings: Settings, *, command: str) -> None:
    """Compare, or compare and write.

    Raises:
        SystemExit: Status 1 where `check` found differences.
    """
    beside = settings.model_copy(update={"health_port": 0})  # a running router has the port
    async with open_service(SERVICE, beside) as service:
        books = Bookkeeping(
            log_of_jobs=service.log,
            connection=service.connection,
            budgets=await service.bucket("budgets"),
            clock=service.clock,
        )
        found = await (books.rebuild() if command == "rebuild" else books.check())
    for each in found:
        sys.stdout.write(f"{each.key}: the log says {each.by_log}, the record {each.recorded}\n")
    verb = "written anew" if command == "rebuild" else "differ from the log"
    sys.stdout.write(f"{len(found)} records {verb}.\n")
    if found and command == "check":
        raise SystemExit(1)


def main(arguments: list[str]) -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m router.books", description=__doc__)
    parser.add_argument("command", choices=("check", "rebuild"))
    chosen = parser.parse_args(arguments)
    run_service(run(Settings(), command=chosen.command))


if __name__ == "__main__":
    main(sys.argv[1:])
