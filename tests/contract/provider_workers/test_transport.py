"""What every adapter does when the line breaks: was it sent, or was it not?"""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest
from provider_workers.adapters.registry import ADAPTERS
from provider_workers.domain.account import Account
from provider_workers.domain.adapter import Absent, Order, Output, Running, TaskRef
from provider_workers.domain.failures import ProviderError

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())
NOTHING_SENT = [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("busy")]
SENT = [
    httpx.ReadTimeout("slow"),
    httpx.ReadError("reset"),
    httpx.WriteTimeout("slow"),
    httpx.RemoteProtocolError("server disconnected without sending a response"),
]


ODD_BODIES = [
    b"",
    b"null",
    b"[]",
    b'"ok"',
    b"{}",
    b'{"status": 5}',
    b'{"status": null, "data": null, "base_resp": null, "done": null}',
    b'{"id": {}, "name": [], "request_id": 7, "task_id": {}}',
    b"\xff\xfe",
    b"<html>200 OK</html>",
    b"[" * 10_000,
]


class BrokenLine:
    """Raises the same error for every request, and counts them."""

    def __init__(self, error=None, response=None):
        self.error, self.response, self.requests = error, response, []

    def __call__(self, request):
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        return self.response


def adapter_of(name, line, **changes):
    golden = json.loads((GOLDEN / name / "account.json").read_text())
    account = msgspec.convert(golden["account"] | changes, Account)
    client = httpx.AsyncClient(transport=httpx.MockTransport(line))
    return ADAPTERS[golden["adapter"]](account, client, lambda: datetime(2026, 11, 22, tzinfo=UTC))


def case_of(name, case):
    return json.loads((GOLDEN / name / f"{case}.json").read_text())


def order_of(name):
    return msgspec.convert(case_of(name, "submit_text")["order"], Order)


@pytest.mark.parametrize("error", NOTHING_SENT, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("name", NAMES)
async def test_a_submit_that_was_never_sent_is_known_not_to_be_accepted(name, error):
    line = BrokenLine(error)
    with pytest.raises(ProviderError) as caught:
        await adapter_of(name, line).submit(order_of(name))
    assert (caught.value.kind, len(line.requests)) == ("unavailable", 1)


@pytest.mark.parametrize("error", SENT, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("name", NAMES)
async def test_a_submit_that_may_have_been_sent_is_unknown_and_not_repeated(name, error):
    line = BrokenLine(error)
    with pytest.raises(ProviderError) as caught:
        await adapter_of(name, line).submit(order_of(name))
    assert (caught.value.kind, len(line.requests)) == ("outcome_unknown", 1)


@pytest.mark.parametrize("error", NOTHING_SENT + SENT, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("name", NAMES)
async def test_a_poll_that_breaks_leaves_the_task_as_it_was(name, error):
    task = TaskRef(**case_of(name, "poll_running")["task"])
    with pytest.raises(ProviderError) as caught:
        await adapter_of(name, BrokenLine(error)).poll(task)
    assert caught.value.kind == "unavailable"


@pytest.mark.parametrize("body", ODD_BODIES)
@pytest.mark.parametrize("name", NAMES)
async def test_an_answer_that_makes_no_sense_ends_no_clip(name, body):
    task = TaskRef(**case_of(name, "poll_running")["task"])
    adapter = adapter_of(name, BrokenLine(response=httpx.Response(200, content=body)))
    try:
        outcome = await adapter.poll(task)
    except ProviderError as error:
        assert error.kind == "unavailable"  # noqa: PT017 (an answer is as good)
    else:
        assert isinstance(outcome, Running | Absent)


@pytest.mark.parametrize("body", ODD_BODIES)
@pytest.mark.parametrize("name", NAMES)
async def test_a_submit_whose_answer_makes_no_sense_may_have_been_accepted(name, body):
    adapter = adapter_of(name, BrokenLine(response=httpx.Response(200, content=body)))
    with pytest.raises(ProviderError) as caught:
        await adapter.submit(order_of(name))
    assert caught.value.kind == "outcome_unknown"


@pytest.mark.parametrize("name", NAMES)
async def test_a_submit_that_takes_too_long_is_unknown(name):
    async def never(_):
        await asyncio.Event().wait()

    with pytest.raises(ProviderError) as caught:
        await adapter_of(name, never, submit_timeout_s=0.05).submit(order_of(name))
    assert (caught.value.kind, caught.value.vendor_code) == ("outcome_unknown", "TimeoutError")


@pytest.mark.parametrize("name", NAMES)
async def test_a_redirected_submit_is_not_followed(name):
    line = BrokenLine(response=httpx.Response(307, headers={"location": "https://elsewhere.example/"}))
    with pytest.raises(ProviderError):
        await adapter_of(name, line).submit(order_of(name))
    assert len(line.requests) == 1


@pytest.mark.parametrize("name", [name for name in NAMES if name != "veo"])  # Vertex delivers inside its answer
async def test_our_key_does_not_go_along_to_where_the_file_lies(name, tmp_path):
    file = httpx.Response(200, headers={"content-type": "video/mp4"}, stream=httpx.ByteStream(b"clip"))
    line = BrokenLine(response=file)
    url = "https://93.184.215.14/clip.mp4"  # an address, so that nothing is looked up
    await adapter_of(name, line).download(Output(url=url), tmp_path / "clip.mp4")
    (request,) = line.requests
    assert not any("key" in header or header == "authorization" for header in request.headers)


@pytest.mark.parametrize("name", NAMES)
def test_an_account_does_not_show_its_secrets(name):
    account = msgspec.convert(json.loads((GOLDEN / name / "account.json").read_text())["account"], Account)
    for secret in (account.api_key, account.secret_key):
        assert not secret or secret not in repr(account)
