"""Composition root of bringing jobs back: `python -m assets.restore JOB_ID …`, where the stream was lost.

A job that is archived need not be brought back to be read. This writes its archived facts into a stream that knows
nothing of it, all or none, so that nobody acts on half a job.
"""

import argparse
import sys
from contextlib import AsyncExitStack

from nats.aio.client import Client
from runtime.archive import facts_of, log_prefix, merged
from runtime.direct_get import Stored
from runtime.errors import ConcurrencyConflict, Conflict, NotFound
from runtime.log import write_again
from runtime.objects import open_objects
from runtime.retention import Retention
from runtime.service import open_service, run_service

from assets.ports import Keeper, Objects
from assets.settings import Settings

SERVICE = "assets-restore"


async def run(settings: Settings, job_ids: list[str]) -> None:
    """Bring jobs back, one after the other."""
    beside = settings.model_copy(update={"health_port": 0})  # a running asset store has the port
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(open_service(SERVICE, beside))
        objects = await stack.enter_async_context(open_objects(settings, create_bucket=False))
        for job_id in job_ids:
            n_facts = await restore(job_id, service.connection, objects=objects, keeper=Retention(objects))
            sys.stdout.write(f"{job_id}: {n_facts} facts are in the stream again.\n")


async def restore(job_id: str, connection: Client, *, objects: Objects, keeper: Keeper) -> int:
    """Write the archived facts of a job into a stream that has none of it.

    Returns:
        How many there were.

    Raises:
        NotFound: Nothing of the job is archived.
        Conflict: The stream knows the job: read it as it is.
        DependencyUnavailable: NATS or the object store does not answer; nothing, or all, was written.
    """
    facts: list[Stored] = []
    for key in sorted(await keeper.keys(log_prefix(job_id))):
        facts = merged(facts, facts_of(await objects.fetch(await objects.look_up(key))))
    if not facts:
        raise NotFound("archive.no_such_job", f"Nothing of {job_id} is archived.")
    try:
        await write_again(connection, job_id, facts, expected_sequence=0)
    except ConcurrencyConflict as err:
        raise Conflict(
            "archive.job_is_there", f"The stream knows {job_id}: read it with GET /v1/jobs/{job_id}."
        ) from err
    return len(facts)


def main(arguments: list[str]) -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m assets.restore", description=__doc__)
    parser.add_argument("job_id", nargs="+")
    chosen = parser.parse_args(arguments)
    run_service(run(Settings(), chosen.job_id))


if __name__ == "__main__":
    main(sys.argv[1:])
