"""Looking a clip up in Luma's list: absence is believed only where the list has surely told everything."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from provider_workers.adapters.luma import MAX_LIST_PAGES, Luma
from provider_workers.domain.account import Account
from provider_workers.domain.failures import ProviderError

NOW = datetime(2026, 6, 10, 8, 40, tzinfo=UTC)
SINCE = NOW - timedelta(minutes=10)


def generation(number, at):
    url = f"https://gateway.example/v1/callbacks/luma/job_1/clip_{number}?sig=00"
    return {"id": f"g{number}", "state": "dreaming", "created_at": at.isoformat(), "request": {"callback_url": url}}


def luma(generations, *, has_callbacks=True):
    """An account with these generations, the newest first, one on each page of the list."""
    asked = []

    def answer(request):
        number = int(request.url.params["offset"]) // 100
        asked.append(number)
        page = {"generations": generations[number : number + 1], "has_more": number + 1 < len(generations)}
        return httpx.Response(200, content=json.dumps(page))

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    account = Account(provider="luma", api_key="k", has_callbacks=has_callbacks)
    return Luma(account, client, lambda: NOW), asked


async def test_a_list_that_goes_on_and_on_does_not_tell():
    adapter, asked = luma([generation(number, NOW - timedelta(seconds=number)) for number in range(MAX_LIST_PAGES + 1)])
    with pytest.raises(ProviderError) as caught:
        await adapter.find("clip_x", since=SINCE)
    assert (caught.value.vendor_code, len(asked)) == ("list_too_long", MAX_LIST_PAGES)


async def test_nothing_older_than_the_order_is_looked_at():
    ages = [timedelta(0), timedelta(minutes=9), timedelta(minutes=14), timedelta(minutes=16), timedelta(days=1)]
    adapter, asked = luma([generation(number, NOW - age) for number, age in enumerate(ages)])
    assert await adapter.find("clip_4", since=SINCE) is None
    assert asked == [0, 1, 2, 3]


async def test_an_order_of_yesterday_is_found_today():
    adapter, _ = luma([generation(0, NOW), generation(1, NOW - timedelta(days=1))])
    found = await adapter.find("clip_1", since=NOW - timedelta(days=1, seconds=5))
    assert found is not None
    assert found.provider_task_id == "g1"


def test_without_callback_addresses_nothing_can_be_looked_up():
    assert [luma([], has_callbacks=has)[0].can_find for has in (True, False)] == [True, False]
