"""Composition root of the projector: `python -m gateway.projector [rebuild [--drop]]`."""

import argparse
import sys
from datetime import timedelta

from dailies_contracts import WEBHOOKS
from runtime.service import open_service, run_service

from gateway.adapters.mongo import DeliveryDocuments, JobDocuments, open_database
from gateway.adapters.surroundings import Surroundings
from gateway.projection.deliveries import DeliveryProjector
from gateway.projection.freshness import Heartbeat
from gateway.projection.projector import Projector
from gateway.projection.rebuild import rebuild, rebuild_deliveries
from gateway.projection.sweeping import Sweeper
from gateway.settings import ProjectorSettings

SERVICE = "projector"


async def run(settings: ProjectorSettings) -> None:
    """Project until SIGTERM. A MongoDB that is away stops nothing: the events wait in the log."""
    async with (
        open_service(SERVICE, settings) as service,
        open_database(settings.mongo_url, settings.mongo_database, timeout_s=settings.mongo_timeout_s) as database,
    ):
        documents, deliveries = JobDocuments(database), DeliveryDocuments(database)
        projector = Projector(
            log=service.log, documents=documents, n_loads=settings.n_loads, linger_s=settings.linger_s
        )
        heartbeat = Heartbeat(connection=service.connection, documents=documents, clock=service.clock, durable=SERVICE)
        service.subscribe_batch(projector.on_events, batch_size=settings.batch_size)
        service.subscribe_messages(
            WEBHOOKS, "webhooks.v1.>", DeliveryProjector(deliveries).on_attempts, purpose="deliveries"
        )
        sweeper = Sweeper(
            log_of_jobs=service.log,
            bus=Surroundings(service.connection),
            documents=documents,
            clock=service.clock,
            patience=timedelta(seconds=settings.standing_s),
            watched_for=timedelta(seconds=settings.watched_s),
        )
        service.background("heartbeat", lambda: heartbeat.run(every_s=settings.heartbeat_s))
        service.background("sweeper", lambda: sweeper.run(every_s=settings.sweep_every_s))
        await service.run()


async def run_rebuild(settings: ProjectorSettings, *, drop: bool) -> None:
    """Build the projection anew, once."""
    beside = settings.model_copy(update={"health_port": 0})  # the running projector has the port
    async with (
        open_service(f"{SERVICE}-rebuild", beside) as service,
        open_database(settings.mongo_url, settings.mongo_database, timeout_s=settings.mongo_timeout_s) as database,
    ):
        n_jobs = await rebuild(
            log_of_jobs=service.log,
            connection=service.connection,
            documents=JobDocuments(database),
            drop=drop,
            n_loads=settings.n_loads,
        )
        n_attempts = await rebuild_deliveries(
            connection=service.connection, projector=DeliveryProjector(DeliveryDocuments(database))
        )
    sys.stdout.write(f"{n_jobs} jobs written from the log, {n_attempts} attempts from theirs.\n")


def main(arguments: list[str]) -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m gateway.projector", description=__doc__)
    parser.add_argument("command", nargs="?", choices=("run", "rebuild"), default="run")
    parser.add_argument("--drop", action="store_true", help="drop all documents first, those of lost jobs too")
    chosen = parser.parse_args(arguments)
    settings = ProjectorSettings()
    run_service(run_rebuild(settings, drop=chosen.drop) if chosen.command == "rebuild" else run(settings))


if __name__ == "__main__":
    main(sys.argv[1:])
