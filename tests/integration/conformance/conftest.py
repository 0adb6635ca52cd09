"""A tap between clients and the simulated vendors, and our adapters behind the same tap."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from provider_workers.adapters.registry import open_adapter
from provider_workers.domain.account import Account
from provider_workers.domain.adapter import Adapter, Order
from testkit.simulated import SimulatorControl
from testkit.wire import WireTap


def shape_of(value: Any, place: str = "") -> dict[str, str]:
    """Name every field with its type; an id keeps whether it is text or a number, a list shows its first item."""
    if isinstance(value, dict):
        return {at: kind for name, part in value.items() for at, kind in shape_of(part, f"{place}.{name}").items()}
    if isinstance(value, list) and value:
        return shape_of(value[0], f"{place}[]")
    return {place: type(value).__name__}


@pytest.fixture
def shape() -> Callable[..., dict[str, str]]:
    """Compare answers by their fields: `assert shape(answer) == shape(DOCUMENTED)`."""
    return shape_of


@pytest.fixture
def tap(simulator: SimulatorControl) -> Iterator[WireTap]:
    """What clients are given as the vendors' address: it remembers every request."""
    with WireTap(simulator.base_url) as running:
        yield running


@pytest.fixture
async def our_adapter(tap: WireTap) -> AsyncIterator[Callable[..., Adapter]]:
    """Open one of our adapters on the tap: `our_adapter("veo-gemini", provider="veo", api_key=…)`."""
    async with httpx.AsyncClient(trust_env=False) as client:

        def opened(name: str, *, provider: str, **account: str) -> Adapter:
            base_url = f"{tap.url}/{provider}"
            fields = {"provider": provider, "base_url": base_url, "api_key": f"sim-{provider}-key", **account}
            return open_adapter(name, Account(**fields), client, lambda: datetime.now(UTC))

        yield opened


@pytest.fixture
def order() -> Callable[..., Order]:
    """Build an order: `order(model="…", duration_s=4, …)`."""

    def built(**changes: object) -> Order:
        fields = {
            "reference": "clip_1",
            "prompt": "a red ball rolls over a table",
            "duration_s": 5,
            "aspect_ratio": "16:9",
            "resolution": "720p",
        }
        return Order(**(fields | changes))

    return built
