"""Every adapter by name. Adding a vendor adds one line here, one file beside, one entry in the catalogue."""

from collections.abc import Callable

import httpx
from runtime.clock import Clock
from runtime.errors import Permanent

from provider_workers.adapters.instant import Instant
from provider_workers.adapters.kling import Kling
from provider_workers.adapters.kling_legacy import KlingLegacy
from provider_workers.adapters.veo import Veo, VeoGemini
from provider_workers.domain.account import Account
from provider_workers.domain.adapter import Adapter

ADAPTERS: dict[str, Callable[[Account, httpx.AsyncClient, Clock], Adapter]] = {
    "kling": Kling,
    "kling-legacy": KlingLegacy,
    "veo": Veo,
    "veo-gemini": VeoGemini,
    "instant": Instant,
}


def open_adapter(name: str, account: Account, client: httpx.AsyncClient, clock: Clock) -> Adapter:
    """Build the adapter of a name.

    Raises:
        Permanent: There is none of that name, or a setting that it needs is missing.
    """
    if name not in ADAPTERS:
        raise Permanent(
            "worker.unknown_adapter", f"No adapter {name!r}: set WORKER_ADAPTER to one of {', '.join(ADAPTERS)}."
        )
    return ADAPTERS[name](account, client, clock)
