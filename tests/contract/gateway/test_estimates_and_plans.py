"""What the gateway says that a job will cost holds what compiler and router then plan for it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from compiler.adapters.rule_files import load_rules
from compiler.domain.compile import Compiled, compile_request
from dailies_contracts import PromptCompiled, VideoRequest
from gateway.domain.estimate import Estimate
from gateway.estimates import Estimator
from router.domain.context import Context
from router.domain.plan import make_plan
from router.domain.state import Drafting, fold
from runtime.catalog import load_catalog
from testkit.builders import JOB, NOW, TENANT, job_requested

CATALOG = load_catalog(Path(__file__).parents[3] / "deploy" / "catalog.toml")
RULES = load_rules()
ESTIMATOR = Estimator(lambda: CATALOG, lambda: NOW)
REQUESTS: tuple[dict[str, Any], ...] = (
    {},
    {"quality": "draft"},
    {"quality": "premium", "duration_s": 5},
    {"quality": "premium", "resolution": "1080p", "audio": True, "duration_s": 8},
    {"aspect_ratio": "9:16", "duration_s": 10},
    {"aspect_ratio": "1:1", "quality": "premium"},
    {"provider": "kling"},
    {"provider": "veo", "quality": "premium"},
    {"allow_providers": ("veo",)},
    {"deny_providers": ("veo", "kling"), "quality": "premium"},
    {"use_case": "storyboard"},
    {"use_case": "advertising", "quality": "premium"},
    {"budget_usd_micros": 2_000_000, "quality": "premium"},
)


def planned(request: VideoRequest) -> Any:
    compiled = compile_request(request, CATALOG, RULES)
    assert isinstance(compiled, Compiled)
    requested = msgspec.structs.replace(job_requested(), request=request)
    event = PromptCompiled(job_id=JOB, tenant_id=TENANT, occurred_at=NOW, **compiled._asdict())
    state = fold((requested, event))
    assert isinstance(state, Drafting)
    return make_plan(state, Context(now=NOW, catalog=CATALOG, budget_left_usd_micros=10**12))


@pytest.mark.parametrize("fields", REQUESTS, ids=str)
def test_the_range_holds_the_routers_plan(fields: dict[str, Any]) -> None:
    request = VideoRequest(prompt="A ceramic cup on a walnut desk", **fields)
    found = ESTIMATOR.estimate(request)
    assert isinstance(found, Estimate)
    assert found.low_usd_micros <= found.expected_usd_micros <= found.high_usd_micros <= found.ceiling_usd_micros
    plan = planned(request)
    assert found.low_usd_micros <= plan.estimate_usd_micros <= found.high_usd_micros
    assert plan.has_final == found.plan.has_final
