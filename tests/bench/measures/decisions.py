"""The router alone: load a history, decide, hold the money, append; next to reading the history alone."""

import asyncio
import time
from pathlib import Path

from dailies_contracts import ClipRequested
from router.adapters.ledger import Ledger
from router.advance import Advance
from router.app import build_advance, open_shared
from runtime.budgets import Limits
from runtime.catalog import load_catalog
from runtime.service import Service, open_service
from runtime.settings import ServiceSettings
from testkit.builders import job_requested, prompt_compiled
from testkit.servers import nats_server

from measures.figures import Figure

N_JOBS = 500
CONCURRENCY = 16
CATALOG = Path(__file__).parents[3] / "deploy" / "catalog.toml"


async def measure(runs: int) -> list[Figure]:
    """Measure decisions per second: jobs whose prompt was just compiled, each ordering two drafts."""
    decided, reads = [], []
    settings = ServiceSettings(log_level="ERROR")
    for _ in range(runs):
        async with nats_server() as server:
            local = settings.model_copy(update={"nats_url": server.url})
            async with open_service("router", local) as service:
                job_ids = [f"job_{number}" for number in range(N_JOBS)]
                await _request(service, job_ids)
                reads.append(await _timed(service.log.history, job_ids))
                decided.append(await _timed(await _advance(service), job_ids))
                history = await service.log.history(job_ids[0])
                if len(history.all(ClipRequested)) != 2:
                    raise RuntimeError("the jobs were not decided")
    baseline = sorted(reads)[len(reads) // 2]
    return [Figure("decisions_per_s", "1/s", tuple(decided), baseline, "baseline: histories read per second")]


async def _request(service: Service, job_ids: list[str]) -> None:
    for job_id in job_ids:
        tenant = f"tenant_{hash(job_id) % 8}"
        await service.log.append_fact(job_requested(job_id, tenant_id=tenant))
        await service.log.append_fact(prompt_compiled(job_id))


async def _advance(service: Service) -> Advance:
    catalog = load_catalog(CATALOG)
    ledger = Ledger(
        await service.bucket("budgets"),
        await service.bucket("tenants"),
        tell=service.log.append_fact,
        clock=lambda: job_requested().occurred_at,
        defaults=Limits(total=10**12),
    )
    return build_advance(
        await open_shared(service),
        log=service.log,
        timers=service.timers,
        ledger=ledger,
        catalog=catalog,
        clock=lambda: job_requested().occurred_at,
    )


async def _timed(call, job_ids: list[str]) -> float:  # type: ignore[no-untyped-def]
    left = iter(job_ids)

    async def worker() -> None:
        for job_id in left:
            await call(job_id)

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
    return len(job_ids) / (time.perf_counter() - started)
