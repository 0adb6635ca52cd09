"""Every adapter by name, found by itself: a module of this folder that has `ADAPTERS` adds to them."""

from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import iter_modules

import httpx
from runtime.clock import Clock
from runtime.errors import Permanent

from provider_workers import adapters
from provider_workers.domain.account import Account
from provider_workers.domain.adapter import Adapter

OpenAdapter = Callable[[Account, httpx.AsyncClient, Clock], Adapter]


def _found() -> Iterator[tuple[str, OpenAdapter]]:
    for module in sorted(iter_modules(adapters.__path__), key=lambda each: each.name):
        if module.name != "registry":
            yield from getattr(import_module(f"{adapters.__name__}.{module.name}"), "ADAPTERS", {}).items()


ADAPTERS: dict[str, OpenAdapter] = dict(_found())


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
