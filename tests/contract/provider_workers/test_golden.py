"""Every adapter over its vendor's traffic: what goes out, and what is made of the answer."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest
from provider_workers.adapters.registry import ADAPTERS
from provider_workers.domain.account import Account
from provider_workers.domain.adapter import Absent, Failed, Order, Running, Submission, Succeeded, TaskRef
from provider_workers.domain.failures import ProviderError
from runtime.catalog import load_catalog
from testkit.lineup import CATALOG, dialects

GOLDEN = Path(__file__).parent / "golden"
SINCE = datetime(2026, 6, 10, 7, 40, tzinfo=UTC)
"""No order of these cases was sent before."""
ADAPTER_NAMES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())
CASES = [pytest.param(path, id=f"{path.parent.name}/{path.stem}") for path in sorted(GOLDEN.glob("*/*_*.json"))]
CASES += [pytest.param(path, id=f"{path.parent.name}/callback") for path in sorted(GOLDEN.glob("*/callback.json"))]
REQUIRED = {
    "submit_text",
    "submit_image",
    "submit_refused",
    "submit_invalid",
    "submit_auth",
    "submit_quota",
    "submit_throttled",
    "submit_retry_after",
    "submit_server_error",
    "submit_answered_by_a_proxy",
    "poll_running",
    "poll_unknown_status",
    "poll_succeeded",
    "poll_failed",
    "poll_refused",
    "poll_absent",
    "callback",
}
REQUIRED_WHERE_IT_CAN = {
    "can_find": {"find_known", "find_unknown"},
    "takes_last_frame": {"submit_last_frame"},
    "takes_references": {"submit_references"},
}
"""Further cases by what an adapter says that it can do."""


class Vendor:
    """Answers the requests of a case in order, and compares each with what the case says."""

    def __init__(self, exchanges):
        self.exchanges = list(exchanges)

    def __call__(self, request):
        assert self.exchanges, f"one request too many: {request.method} {request.url}"
        exchange = self.exchanges.pop(0)
        expected = exchange["request"]
        assert (request.method, request.url.path) == (expected["method"], expected["path"])
        assert dict(request.url.params) == expected.get("query", {})
        assert {name: request.headers.get(name) for name in expected["headers"]} == expected["headers"]
        assert (json.loads(request.content) if request.content else None) == expected.get("body")
        answer = exchange["response"]
        content = answer["text"].encode() if "text" in answer else json.dumps(answer["body"]).encode()
        return httpx.Response(answer["status"], headers=answer.get("headers"), content=content)


def adapter_of(folder, vendor):
    account = json.loads((folder / "account.json").read_text())
    now = datetime.fromtimestamp(account.get("now_s", 1_781_080_800), UTC)
    client = httpx.AsyncClient(transport=httpx.MockTransport(vendor))
    return ADAPTERS[account["adapter"]](msgspec.convert(account["account"], Account), client, lambda: now)


async def call(adapter, case):
    match case["call"]:
        case "submit":
            return await adapter.submit(msgspec.convert(case["order"], Order))
        case "poll":
            return await adapter.poll(TaskRef(**case["task"]))
        case "find":
            return await adapter.find(case["reference"], since=SINCE)
        case "cancel":
            return await adapter.cancel(TaskRef(**case["task"]))
        case "callback":
            return await adapter.parse_callback(case.get("headers", {}), case["body"].encode())


def told(result):
    """The result in the words of the golden files."""
    match result:
        case None:
            return {"nothing": {}}
        case bool():
            return {"cancelled": result}
        case Absent():
            return {"absent": {}}
        case Submission():
            return {"submission": _filled(result)}
        case Running():
            return {"running": _filled(result)}
        case Failed():
            return {"failed": _filled(result)}
        case Succeeded(output=output):
            place = {"url": output.url} if output.url else {"content": base64.b64encode(output.content).decode()}
            shown = {"cost_usd_micros": result.cost_usd_micros, "render_ms": result.render_ms}
            further = [base64.b64encode(each.content).decode() or each.url for each in result.further]
            missing = None if result.missing is None else _filled(result.missing)
            sometimes = {"reference": result.reference, "further": further, "missing": missing}
            return {"succeeded": place | shown | {name: value for name, value in sometimes.items() if value}}
        case _:
            return {"hint": {"provider_task_id": result.provider_task_id}}


def _filled(struct):
    fields = msgspec.to_builtins(struct)
    return {
        name: "as a success" if value is None else value for name, value in fields.items() if value or value is None
    }


@pytest.mark.parametrize("path", CASES)
async def test_the_adapter_speaks_as_the_vendor_documents(path):
    case = json.loads(path.read_text())
    vendor = Vendor(case["exchanges"])
    adapter = adapter_of(path.parent, vendor)
    if "error" in case["expected"]:
        with pytest.raises(ProviderError) as caught:
            await call(adapter, case)
        assert {name: getattr(caught.value, name) for name in case["expected"]["error"]} == case["expected"]["error"]
    else:
        assert told(await call(adapter, case)) == case["expected"]
    assert vendor.exchanges == [], "a request was not sent"


@pytest.mark.parametrize("name", ADAPTER_NAMES)
def test_every_adapter_has_every_required_case(name):
    folder = GOLDEN / name
    cases = {path.stem for path in folder.glob("*.json")}
    adapter = adapter_of(folder, Vendor([]))
    further = [needed for ability, needed in REQUIRED_WHERE_IT_CAN.items() if getattr(adapter, ability)]
    assert cases >= REQUIRED.union(*further)


@pytest.mark.parametrize(("name", "provider"), [(each.adapter, each.provider) for each in dialects().values()])
def test_an_adapter_takes_the_pictures_that_the_catalogue_promises(name, provider):
    adapter = adapter_of(GOLDEN / name, Vendor([]))
    models = load_catalog(CATALOG).vendor(provider).model
    assert adapter.takes_last_frame == any(model.last_frame is not None for model in models)
    assert adapter.takes_references == any(model.references is not None for model in models)


def test_every_vendor_has_a_golden_folder():
    assert set(ADAPTER_NAMES) == set(ADAPTERS) - {"instant"}
