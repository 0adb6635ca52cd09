"""The prompt cache on a real bus and a real object store: two jobs, the second answered without a vendor."""

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from dailies_contracts import (
    ClipRequested,
    ClipReused,
    CompiledPrompt,
    FeedbackGiven,
    JobCancelRequested,
    JobCompleted,
    ReviewDecided,
    ReviewRequested,
    derive_clip_id,
)
from media.layout import SOURCE, clip_key
from router.adapters.ledger import Ledger
from router.adapters.prompt_cache import PromptCache
from router.adapters.tenants import Tenants
from router.advance import Advance
from router.app import build_advance, open_cache, open_shared
from router.domain.context import Context
from router.domain.state import Drafting, Ended, fold
from router.remembering import Remembering
from runtime import legal_holds
from runtime.budgets import Limits
from runtime.catalog import load_catalog
from runtime.legal_holds import LegalHolds
from runtime.objects import ObjectStore, open_objects
from runtime.prompt_cache import BUCKET, Record, asked_key
from runtime.service import Service
from runtime.settings import S3Settings
from testkit.builders import NOW, clip_ready, clip_scored, compiled_prompt, job_requested, prompt_compiled
from testkit.servers import S3Server
from testkit.stories import job_completed

CATALOG = load_catalog(Path(__file__).parents[3] / "deploy" / "catalog.toml")
CLIP = b"a clip, as far as the router is concerned"
BALL = "a red ball on a table"


def prompts(text: str) -> tuple[CompiledPrompt, ...]:
    models = (("kling", "kling-2.5-turbo"), ("veo", "veo-3.1-fast-generate-001"), ("veo", "veo-3.1-generate-001"))
    return tuple(compiled_prompt(*model, prompt=text, duration_s=5 if "kling" in model else 6) for model in models)


class House:
    """Routers, tenants and their jobs."""

    def __init__(self, service: Service, objects: ObjectStore, cache: PromptCache, advance: Advance) -> None:
        self.service, self.objects, self.cache, self.advance = service, objects, cache, advance
        self.now: datetime = NOW
        self.remembering = Remembering(log=service.log, cache=cache, catalog=lambda: CATALOG)

    async def settings(self, tenant_id: str, **settings: Any) -> None:
        await (await self.service.bucket("tenants")).put(tenant_id, msgspec.json.encode(settings))

    async def request(self, job_id: str, tenant_id: str, prompt: str, **request: Any) -> None:
        fields = {"prompt": prompt} | request
        asked = job_requested(job_id, tenant_id=tenant_id, at=self.now, **fields)
        seed = request.get("seed", "")
        fingerprint = hashlib.sha256(f"{prompt} {seed}".encode()).hexdigest()
        compiled = prompt_compiled(job_id, at=self.now, prompts=prompts(prompt), fingerprint=fingerprint)
        for event in (asked, msgspec.structs.replace(compiled, tenant_id=tenant_id)):
            assert await self.service.log.append_fact(event)

    async def rendered(
        self, job_id: str, prompt: str = BALL, *, tenant_id: str = "acme", **request: Any
    ) -> JobCompleted:
        """A job that was rendered and is ready, and remembered."""
        await self.request(job_id, tenant_id, prompt, **request)
        order = ClipRequested(
            job_id=job_id,
            tenant_id=tenant_id,
            occurred_at=self.now,
            clip_id=derive_clip_id(job_id, stage="final", attempt=1),
            provider="veo",
            model="veo-3.1-generate-001",
            stage="final",
            attempt=1,
            prompt=prompts(prompt)[-1],
            quote_usd_micros=2_400_000,
            deadline_at=self.now + timedelta(minutes=15),
            seed=7,
        )
        key = clip_key(job_id, order.clip_id, SOURCE)
        asset = await self.objects.put(key, CLIP, media_type="video/mp4", tags={"stage": "final"})
        completed = msgspec.structs.replace(job_completed(order), asset=asset, occurred_at=self.now)
        ready = msgspec.structs.replace(clip_ready(order), asset=asset)
        for event in (order, ready, clip_scored(order, aggregate=0.9), completed):
            assert await self.service.log.append_fact(event)
        await self.remembering.on_events([completed])
        return completed

    async def asked(self, job_id: str, prompt: str = BALL, *, tenant_id: str = "acme", **request: Any) -> list[Any]:
        """Ask for another job; gives what the router decided."""
        await self.request(job_id, tenant_id, prompt, **request)
        await self.advance(job_id)
        return list((await self.service.log.history(job_id)).events[2:])


@pytest.fixture
async def house(service: Service, s3: S3Server, s3_bucket: str) -> AsyncIterator[House]:
    settings = S3Settings(
        **s3.settings(s3_bucket),
    )
    async with open_objects(settings) as objects:
        shared = await open_shared(service)
        opened: list[House] = []

        def clock() -> datetime:
            return opened[0].now if opened else NOW

        ledger = Ledger(
            await service.bucket("budgets"),
            shared.tenants,
            tell=service.log.append_fact,
            clock=clock,
            defaults=Limits(total=100_000_000),
        )
        cache = await open_cache(service, Tenants(shared.tenants), objects)
        advance = build_advance(
            shared, log=service.log, timers=service.timers, ledger=ledger, catalog=CATALOG, clock=clock, cache=cache
        )
        opened.append(House(service, objects, cache, advance))
        yield opened[0]


def is_answered(decision: list[Any]) -> bool:
    kinds = [type(event) for event in decision]
    assert kinds == [ClipReused, JobCompleted] or ClipRequested in kinds, kinds
    return kinds[0] is ClipReused


async def test_an_equal_request_is_answered_with_a_copy_of_its_own_at_no_cost(house: House) -> None:
    original = await house.rendered("job_a")
    reused, completed = await house.asked("job_b", metadata={"campaign": "spring"})
    assert (reused.origin.job_id, reused.origin.clip_id) == ("job_a", original.clip_id)
    assert (reused.origin.match, reused.origin.shared, completed.cost_usd_micros) == ("exact", False, 0)
    assert completed.origin == reused.origin
    assert completed.asset == reused.asset != original.asset
    assert await house.objects.fetch(completed.asset) == CLIP
    await house.objects.delete(original.asset)
    assert await house.objects.fetch(completed.asset) == CLIP
    assert await (await house.service.bucket("budgets")).entries() == []


async def test_deciding_again_changes_nothing(house: House) -> None:
    await house.rendered("job_a")
    decided = await house.asked("job_b")
    assert isinstance(await house.advance("job_b"), Ended)
    assert list((await house.service.log.history("job_b")).events[2:]) == decided


async def test_a_clip_that_was_copied_for_a_decision_that_nobody_wrote_is_copied_once_more(house: House) -> None:
    await house.rendered("job_a")
    await house.request("job_b", "acme", BALL)
    state = fold((await house.service.log.history("job_b")).events)
    assert isinstance(state, Drafting)
    context = Context(now=NOW, catalog=CATALOG, budget_left_usd_micros=0)
    first, second = await house.cache.find(state, context), await house.cache.find(state, context)
    assert first == second is not None
    await house.advance("job_b")
    reused = (await house.service.log.history("job_b")).first(ClipReused)
    assert reused is not None
    assert reused.asset == first.asset


async def test_a_file_that_is_not_what_was_stored_answers_nobody(house: House) -> None:
    original = await house.rendered("job_a")
    key = house.objects.key_of(original.asset)
    await house.objects.put(key, b"something else", media_type="video/mp4")
    assert not is_answered(await house.asked("job_b"))


async def test_nearly_the_same_words_are_answered_and_other_words_are_not(house: House) -> None:
    await house.rendered("job_a")
    reused, _ = await house.asked("job_b", "A red ball, on the table!")
    assert (reused.origin.match, reused.origin.similarity) == ("near", 1.0)
    assert not is_answered(await house.asked("job_c", "A blue ball on a table"))


@pytest.mark.parametrize(
    ("reuse", "same", "near"), [("off", False, False), ("exact", True, False), ("near", True, True)]
)
async def test_a_request_says_what_may_answer_it(house: House, reuse: str, same: bool, near: bool) -> None:
    await house.rendered("job_a")
    assert is_answered(await house.asked("job_b", reuse=reuse)) is same
    assert is_answered(await house.asked("job_c", "A red ball on the table", reuse=reuse)) is near


async def test_a_take_of_its_own_answers_nobody_else(house: House) -> None:
    await house.rendered("job_a", reuse="off")
    assert not is_answered(await house.asked("job_b"))


async def test_a_seed_is_answered_by_the_same_seed_alone(house: House) -> None:
    await house.rendered("job_a", seed=7)
    assert not is_answered(await house.asked("job_b"))
    assert not is_answered(await house.asked("job_c", seed=8))
    assert is_answered(await house.asked("job_d", seed=7))


async def test_tenants_see_one_anothers_clips_only_where_both_share(house: House) -> None:
    await house.settings("giver", share_clips=True)
    await house.settings("taker", share_clips=True)
    await house.rendered("job_a", tenant_id="giver")
    assert not is_answered(await house.asked("job_b", tenant_id="outsider"))
    reused, _ = await house.asked("job_c", tenant_id="taker")
    assert (reused.origin.job_id, reused.origin.shared) == ("job_a", True)
    assert reused.asset.uri.split("/")[4] == "job_c"


async def test_a_tenant_that_does_not_share_gives_nothing_to_those_that_do(house: House) -> None:
    await house.settings("taker", share_clips=True)
    await house.rendered("job_a", tenant_id="loner")
    assert not is_answered(await house.asked("job_b", tenant_id="taker"))


async def test_sharing_that_was_taken_back_counts_for_clips_of_before(house: House) -> None:
    await house.settings("taker", share_clips=True)
    bucket = await house.service.bucket("tenants")
    await house.settings("giver", share_clips=True)
    await house.rendered("job_a", tenant_id="giver")
    await house.settings("giver", share_clips=False)
    fresh = await open_cache(house.service, Tenants(bucket), house.objects)
    house.advance._surroundings._cache = fresh
    assert not is_answered(await house.asked("job_b", tenant_id="taker"))
    assert is_answered(await house.asked("job_c", tenant_id="giver"))


async def test_a_clip_answers_until_its_time_is_over(house: House) -> None:
    await house.rendered("job_a")
    house.now = NOW + timedelta(days=CATALOG.policy.reuse.keep_days) - timedelta(minutes=1)
    assert is_answered(await house.asked("job_b"))
    house.now += timedelta(minutes=2)
    assert not is_answered(await house.asked("job_c"))


async def test_a_clip_whose_file_is_gone_or_going_answers_nobody(house: House) -> None:
    original = await house.rendered("job_a")
    holds = LegalHolds(await house.service.bucket(legal_holds.BUCKET))
    await holds.begin_erasure("job_a", (original.clip_id,))
    assert not is_answered(await house.asked("job_b"))
    other = await house.rendered("job_c", "a green kite")
    await house.objects.delete(other.asset)
    assert not is_answered(await house.asked("job_d", "a green kite"))


async def test_somebody_who_disliked_the_copy_takes_the_original_out(house: House) -> None:
    await house.rendered("job_a")
    reused, completed = await house.asked("job_b")
    about = {"job_id": "job_b", "tenant_id": "acme", "occurred_at": NOW, "clip_id": reused.clip_id}
    await house.remembering.on_events([FeedbackGiven(**about, author="ann", rating=4)])
    assert is_answered(await house.asked("job_c"))
    await house.remembering.on_events([FeedbackGiven(**about, author="ben", rating=1)])
    assert not is_answered(await house.asked("job_d"))
    # The original's own completion, delivered again, does not bring it back.
    again = await house.service.log.find(JobCompleted, "job_a")
    await house.remembering.on_events([again, completed])
    assert not is_answered(await house.asked("job_e"))
    house.now += timedelta(hours=1)
    await house.rendered("job_f")
    assert is_answered(await house.asked("job_g"))


async def test_a_reviewer_approves_the_copy_and_a_refusal_takes_the_original_out(house: House) -> None:
    await house.rendered("job_a")
    reused, review = await house.asked("job_b", review=True)
    assert isinstance(review, ReviewRequested)
    about = {"job_id": "job_b", "tenant_id": "acme", "occurred_at": NOW, "clip_id": reused.clip_id}
    refused = ReviewDecided(**about, approved=False, reviewer="ana")
    await house.service.log.append_fact(refused)
    await house.advance("job_b")
    await house.remembering.on_events([refused])
    assert not is_answered(await house.asked("job_c"))


async def test_a_job_that_is_cancelled_first_is_not_answered(house: House) -> None:
    await house.rendered("job_a")
    await house.request("job_b", "acme", BALL)
    await house.service.log.append_fact(JobCancelRequested(job_id="job_b", tenant_id="acme", occurred_at=NOW))
    ended = await house.advance("job_b")
    assert isinstance(ended, Ended)
    assert ended.outcome == "cancelled"


async def test_the_newest_of_two_equal_jobs_answers_whatever_came_first(house: House) -> None:
    older = await house.rendered("job_a")
    house.now += timedelta(minutes=1)
    await house.rendered("job_b")
    await house.remembering.on_events([older])
    reused, _ = await house.asked("job_c")
    assert reused.origin.job_id == "job_b"


async def test_a_look_up_costs_one_request_and_no_more_once_clips_are_ordered(house: House) -> None:
    n_requests = 0
    bucket = house.cache._bucket
    read = bucket.get_all

    async def counted(keys: Any) -> Any:
        nonlocal n_requests
        n_requests += 1
        return await read(keys)

    bucket.get_all = counted  # type: ignore[method-assign]
    assert not is_answered(await house.asked("job_a"))
    await house.advance("job_a")
    assert n_requests == 1


async def test_records_are_forgotten_by_the_server_in_the_end(house: House) -> None:
    await house.rendered("job_a")
    stream = await house.service.connection.jetstream().get_last_msg(f"KV_{BUCKET}", f"$KV.{BUCKET}.own.acme.exact.>")
    assert stream.headers is not None
    assert stream.headers["Nats-TTL"] == f"{CATALOG.policy.reuse.keep_days * 86_400}s"


async def test_an_estimate_finds_the_job_by_the_request_as_it_was_asked(house: House) -> None:
    await house.rendered("job_a", metadata={"campaign": "spring"})
    bucket = await house.service.bucket(BUCKET)
    asked = job_requested(prompt=BALL, webhook_url="https://example.com").request
    entry = await bucket.get(asked_key("acme", asked))
    assert entry is not None
    assert msgspec.json.decode(entry.value, type=Record).job_id == "job_a"
    assert await bucket.get(asked_key("acme", msgspec.structs.replace(asked, seed=7))) is None
    assert await bucket.get(asked_key("globex", asked)) is None
