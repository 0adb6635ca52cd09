"""Whoever asks, shares, dislikes and deletes, in any order: a clip answers only those it may answer, for nothing."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import msgspec
from dailies_contracts import (
    AnyEvent,
    AssetDeleted,
    AssetRef,
    ClipRequested,
    ClipReused,
    JobCompleted,
    ReuseMode,
    derive_clip_id,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from router.adapters.prompt_cache import PromptCache
from router.domain.context import Context, TenantRules
from router.domain.decide import decide
from router.domain.state import Drafting, cost_usd_micros, fold
from router.remembering import Remembering
from runtime.buckets import Entry
from runtime.catalog import load_catalog
from runtime.errors import ConcurrencyConflict
from runtime.legal_holds import LegalHold
from runtime.log import History
from testkit.builders import NOW, clip_ready, clip_scored, compiled_prompt, job_requested, prompt_compiled
from testkit.stories import feedback_given, job_completed

CATALOG = load_catalog(Path(__file__).parents[3] / "deploy" / "catalog.toml")
TENANTS = ("ann", "ben", "cleo")
SAME = (("a red ball on a table", "A red ball, on the table."), ("a blue ball on a table",), ("a dog runs",))
PROMPTS = tuple(prompt for group in SAME for prompt in group)
MODES: tuple[ReuseMode | None, ...] = (None, *get_args(ReuseMode))
KEPT = timedelta(days=CATALOG.policy.reuse.keep_days)


class MemoryBucket:
    """Keys with compare-and-set; what its time to live would end is not ended, so that nobody relies on it."""

    def __init__(self) -> None:
        self.values: dict[str, Entry] = {}
        self.n = 0

    async def get(self, key: str) -> Entry | None:
        return self.values.get(key)

    async def get_all(self, keys: Any) -> list[Entry]:
        return [self.values[key] for key in keys if key in self.values]

    async def create(self, key: str, value: bytes, *, ttl_s: float) -> int | None:
        assert ttl_s == KEPT.total_seconds()
        return None if key in self.values else await self.update(key, value, 0, ttl_s=ttl_s)

    async def update(self, key: str, value: bytes, revision: int, *, ttl_s: float) -> int:
        assert ttl_s == KEPT.total_seconds()
        if key in self.values and self.values[key].revision != revision:
            raise ConcurrencyConflict("bucket.changed", key)
        self.n += 1
        self.values[key] = Entry(key, value, self.n)
        return self.n


class Town:
    """Tenants, their jobs and the cache between them, in memory."""

    def __init__(self) -> None:
        self.now = NOW
        self.jobs: dict[str, list[AnyEvent]] = {}
        self.settings = dict.fromkeys(TENANTS, TenantRules())
        self.gone: set[str] = set()
        """Jobs whose clip was disliked or deleted."""
        parts: Any = self
        self.cache = PromptCache(parts_of(MemoryBucket()), log=parts, tenants=parts, holds=parts, copies=parts)
        self.remembering = Remembering(log=parts, cache=self.cache, catalog=lambda: CATALOG)

    async def history(self, job_id: str) -> History:
        return History(tuple(self.jobs[job_id]), len(self.jobs[job_id]))

    async def rules(self, tenant_id: str) -> TenantRules:
        return self.settings[tenant_id]

    async def load(self, job_id: str) -> LegalHold:
        del job_id
        return LegalHold()

    async def copy(self, ref: AssetRef, key: str, *, tags: Any) -> AssetRef:
        assert tags == {"stage": "draft"}
        return msgspec.structs.replace(ref, uri=f"s3://dailies/{key}")

    async def ask(self, tenant_id: str, prompt: str, reuse: ReuseMode | None) -> None:
        """Ask for a job; it is answered, or rendered at once."""
        job_id = f"job_{len(self.jobs)}"
        texts = tuple(compiled_prompt(*each, prompt=prompt) for each in (("kling", "kling-2.6"), VEO))
        log = self.jobs[job_id] = [
            job_requested(job_id, tenant_id=tenant_id, at=self.now, prompt=prompt, reuse=reuse),
            msgspec.structs.replace(
                prompt_compiled(job_id, at=self.now, prompts=texts, fingerprint=prompt), tenant_id=tenant_id
            ),
        ]
        state = fold(log)
        assert isinstance(state, Drafting)
        context = Context(now=self.now, catalog=CATALOG, budget_left_usd_micros=10**8, tenant=self.settings[tenant_id])
        found = await self.cache.find(state, context)
        if found is None:
            log += self._rendered(job_id, tenant_id, texts[-1])
        else:
            self._check(found, tenant_id, prompt, reuse)
            log += decide(state, msgspec.structs.replace(context, reusable=found))
            assert [type(event) for event in log[2:]] == [ClipReused, JobCompleted]
            assert cost_usd_micros(fold(log).clips) == 0
        await self.remembering.on_events(log[-1:])

    async def dislike(self, job_id: str) -> None:
        """Rate what a job delivered as bad."""
        delivered = next(event for event in self.jobs[job_id] if isinstance(event, ClipRequested | ClipReused))
        rated: Any = feedback_given(delivered, rating=1)  # type: ignore[arg-type]
        self.jobs[job_id].append(rated)
        self.gone.add(delivered.origin.job_id if isinstance(delivered, ClipReused) else job_id)
        await self.remembering.on_events([rated])

    def delete(self, job_id: str) -> None:
        """Delete what a job delivered; copies stay."""
        log = self.jobs[job_id]
        clip = next(event for event in log if isinstance(event, ClipRequested | ClipReused))
        names = ("job_id", "tenant_id", "clip_id", "provider", "model", "stage")
        log.append(AssetDeleted(**{name: getattr(clip, name) for name in names}, occurred_at=self.now, sha256s=()))
        if isinstance(clip, ClipRequested):
            self.gone.add(job_id)

    async def redeliver(self, job_id: str) -> None:
        """Tell of a job's end once more."""
        completed = next(event for event in self.jobs[job_id] if isinstance(event, JobCompleted))
        await self.remembering.on_events([completed])

    def _rendered(self, job_id: str, tenant_id: str, prompt: Any) -> list[AnyEvent]:
        order = ClipRequested(
            job_id=job_id,
            tenant_id=tenant_id,
            occurred_at=self.now,
            clip_id=derive_clip_id(job_id, stage="final", attempt=1),
            provider=prompt.provider,
            model=prompt.model,
            stage="final",
            attempt=1,
            prompt=prompt,
            quote_usd_micros=1_000_000,
            deadline_at=self.now + timedelta(minutes=9),
        )
        completed = msgspec.structs.replace(job_completed(order), occurred_at=self.now)
        return [order, clip_ready(order), clip_scored(order, aggregate=0.9), completed]

    def _check(self, found: ClipReused, tenant_id: str, prompt: str, reuse: ReuseMode | None) -> None:
        mode = reuse or self.settings[tenant_id].reuse or CATALOG.policy.reuse.default
        original = self.jobs[found.origin.job_id]
        requested, completed = original[0], original[5]
        assert mode != "off"
        assert found.origin.job_id not in self.gone
        assert requested.request.reuse != "off"  # type: ignore[union-attr]
        assert self.now - completed.occurred_at < KEPT
        owner = requested.tenant_id
        assert owner == tenant_id or (self.settings[owner].share_clips and self.settings[tenant_id].share_clips)
        assert found.origin.shared == (owner != tenant_id)
        asked = requested.request.prompt  # type: ignore[union-attr]
        if mode == "exact":
            assert (found.origin.match, asked) == ("exact", prompt)
        assert any({asked, prompt} <= set(group) for group in SAME)
        assert (found.origin.match == "exact") == (asked == prompt)
        assert found.asset.uri.startswith(f"s3://dailies/jobs/{found.job_id}/")


VEO = ("veo", "veo-3.1-generate-001")


def parts_of(bucket: MemoryBucket) -> Any:
    return bucket


STEPS = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(TENANTS), st.sampled_from(PROMPTS), st.sampled_from(MODES)),
    st.tuples(st.just("ask"), st.sampled_from(TENANTS), st.sampled_from(PROMPTS), st.sampled_from(MODES)),
    st.tuples(st.just("settings"), st.sampled_from(TENANTS), st.booleans(), st.sampled_from(MODES)),
    st.tuples(st.sampled_from(["dislike", "delete", "redeliver"]), st.integers(0, 30)),
    st.tuples(st.just("wait"), st.sampled_from([1, 60, 29 * 86_400])),
)


async def live(steps: list[Any]) -> Town:
    town = Town()
    for step in steps:
        match step:
            case "ask", tenant_id, prompt, reuse:
                await town.ask(tenant_id, prompt, reuse)
            case "settings", tenant_id, shares, reuse:
                town.settings[tenant_id] = TenantRules(share_clips=shares, reuse=reuse)
            case "wait", seconds:
                town.now += timedelta(seconds=seconds)
            case "delete", number if town.jobs:
                town.delete(f"job_{number % len(town.jobs)}")
            case name, number if town.jobs:
                await getattr(town, name)(f"job_{number % len(town.jobs)}")
    return town


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, min_size=5, max_size=40))
def test_a_clip_answers_only_those_it_may_answer_and_for_nothing(steps: list[Any]) -> None:
    asyncio.run(live(steps))


def test_in_such_a_town_clips_are_reused_at_all() -> None:
    steps = [("settings", tenant, True, None) for tenant in TENANTS]
    steps += [("ask", tenant, prompt, None) for tenant in TENANTS for prompt in PROMPTS]
    town = asyncio.run(live(steps))
    n_reused = sum(isinstance(event, ClipReused) for log in town.jobs.values() for event in log)
    assert n_reused == len(TENANTS) * len(PROMPTS) - len(SAME)
