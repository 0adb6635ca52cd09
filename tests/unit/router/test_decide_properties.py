"""Any order, duplicate and loss of deliveries ends in exactly one terminal event, within budget and attempts."""

from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import msgspec
from dailies_contracts import (
    TERMINAL_EVENTS,
    AnyEvent,
    AssetRef,
    ClipRequested,
    ClipReused,
    ClipSettled,
    FailureKind,
    JobCancelRequested,
    Origin,
    ReviewDecided,
    ReviewRequested,
    decode,
    encode,
    subject_of,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from router.domain.context import Context
from router.domain.decide import decide
from router.domain.market import NOTHING_KNOWN, Teacher, learn, lessons_of
from router.domain.money import (
    ClipAccount,
    ClipEntry,
    TenantAccount,
    account_of,
    corrections,
    held_in_advance_usd_micros,
)
from router.domain.state import Ended, committed_usd_micros, evolve, fold
from runtime.catalog import load_catalog
from testkit.builders import (
    ASSET,
    JOB,
    MEDIA,
    NOW,
    PROMPTS,
    TENANT,
    clip_failed,
    clip_ready,
    clip_scored,
    job_requested,
    prompt_compiled,
    provider_submitted,
)
from testkit.stories import clip_requested

CATALOG = load_catalog(Path(__file__).parents[3] / "deploy" / "catalog.toml")
ABOUT: dict[str, Any] = {"job_id": JOB, "tenant_id": TENANT, "occurred_at": NOW}
KINDS: tuple[FailureKind, ...] = get_args(FailureKind)
REQUESTS = st.fixed_dictionaries(
    {
        "quality": st.sampled_from(["draft", "standard", "premium"]),
        "provider": st.sampled_from([None, "kling", "veo"]),
        "review": st.booleans(),
        "budget_usd_micros": st.sampled_from([None, 0, 300_000, 1_700_000, 5_000_000]),
    }
)


FRAME = AssetRef(uri="s3://dailies/jobs/j/c/first.jpg", sha256="1" * 64, size_bytes=9_000, media_type="image/jpeg")
COMPILED = prompt_compiled(prompts=tuple(msgspec.structs.replace(prompt, softer_prompt="softer") for prompt in PROMPTS))


ORDER = clip_requested(stage="final")
EARLIER = ClipReused(
    **ABOUT,
    clip_id="clip_earlier",
    provider="kling",
    model="kling-2.6",
    stage="final",
    origin=Origin(job_id="job_a", clip_id="clip_a", match="exact", fingerprint="f", rendered_at=NOW),
    asset=ASSET,
    media=MEDIA,
    compiled=PROMPTS[1],
    scores=clip_scored(ORDER).scores,
)


class World:
    """A log that takes each subject once, vendors and people that answer as hypothesis says."""

    def __init__(self, data: st.DataObject, request: dict[str, Any]) -> None:
        self.data = data
        self.log: list[AnyEvent] = []
        self.subjects: set[str] = set()
        self.budget = 20_000_000
        self.now = NOW
        self.market = NOTHING_KNOWN
        self.retry_ratio = 0.0
        self.append(job_requested(**request))

    def append(self, event: AnyEvent) -> None:
        if subject_of(event) not in self.subjects:
            self.subjects.add(subject_of(event))
            self.log.append(event)

    def decide(self, state_of: list[AnyEvent] | None = None) -> None:
        """Decide on the newest history, or on a stale one: then the server refuses the append."""
        known = self.log if state_of is None else state_of
        state = fold(known)
        left = self.budget - committed_usd_micros(state.clips)
        context = Context(
            now=self.now,
            catalog=CATALOG,
            budget_left_usd_micros=left,
            market=self.market,
            retry_ratio=self.retry_ratio,
            reusable=self.data.draw(st.sampled_from([None, None, EARLIER])),
        )
        decision = decide(state, context)
        assert decision == decide(state, context)
        if len(known) == len(self.log):
            assert len({subject_of(event) for event in decision} & self.subjects) == 0
            survives = self.data.draw(st.integers(0, len(decision)))
            for event in decision[:survives] if self.data.draw(st.booleans()) else decision:
                self.append(event)

    def step(self) -> None:
        options = [
            "compile",
            "cancel",
            "decide",
            "stale",
            "clip",
            "clip",
            "clip",
            "review",
            "time",
            "wait",
            "learn",
            "accept",
        ]
        getattr(self, f"step_{self.data.draw(st.sampled_from(options))}")()

    def step_compile(self) -> None:
        self.append(COMPILED)

    def step_wait(self) -> None:
        """Some minutes pass: clips become late, vendors may be tried again."""
        self.now = min(self.now + timedelta(minutes=self.data.draw(st.integers(1, 8))), NOW + timedelta(minutes=55))

    def step_learn(self) -> None:
        """What was learned meanwhile, in any order; sometimes everybody's retries are too many."""
        self.retry_ratio = self.data.draw(st.sampled_from([0.0, 0.0, 0.9]))
        facts = [event for event in self.log if isinstance(event, get_args(Teacher))]
        for fact in self.data.draw(st.lists(st.sampled_from(facts), max_size=8)) if facts else ():
            for lesson in lessons_of(fact, prompt_class="object.static", learning=CATALOG.policy.learning):
                self.market = learn(self.market, lesson, CATALOG.policy.learning)

    def step_accept(self) -> None:
        orders = [event for event in self.log if isinstance(event, ClipRequested)]
        if orders:
            self.append(provider_submitted(self.data.draw(st.sampled_from(orders))))

    def step_cancel(self) -> None:
        if self.data.draw(st.integers(0, 9)) == 0:
            self.append(JobCancelRequested(**ABOUT))

    def step_decide(self) -> None:
        self.decide()

    def step_stale(self) -> None:
        self.decide(self.log[: self.data.draw(st.integers(1, len(self.log)))])

    def step_time(self) -> None:
        if self.data.draw(st.integers(0, 19)) == 0:
            self.now = NOW.replace(day=23)

    def step_clip(self) -> None:
        orders = [event for event in self.log if isinstance(event, ClipRequested)]
        if not orders:
            return
        order = self.data.draw(st.sampled_from(orders))
        outcome = self.data.draw(st.sampled_from(["ready", "scored", "failed", "settled"]))
        cost = order.quote_usd_micros - CATALOG.policy.scoring_cost_usd_micros
        if outcome == "ready":
            frame = self.data.draw(st.sampled_from([None, FRAME]))
            self.append(msgspec.structs.replace(clip_ready(order, cost_usd_micros=cost), first_frame=frame))
        elif outcome == "scored":
            aggregate = self.data.draw(st.floats(0, 1))
            self.append(clip_scored(order, aggregate=aggregate, passed=self.data.draw(st.booleans())))
        elif outcome == "failed":
            kind = self.data.draw(st.sampled_from(KINDS))
            self.append(clip_failed(order, kind=kind, may_still_bill=kind in ("outcome_unknown", "timed_out")))
        else:
            about = {name: getattr(order, name) for name in ("clip_id", "provider", "model", "stage")}
            clip = fold(self.log).clips[order.clip_id]
            # A late success costs what was quoted at most; a refund leaves less than was charged.
            most = cost if clip.status == "unknown" else clip.charged_usd_micros - clip.scoring_usd_micros
            charged = self.data.draw(st.integers(0, most))
            self.append(ClipSettled(**ABOUT, **about, charged_usd_micros=charged, reason="late"))

    def step_review(self) -> None:
        asked = [event for event in self.log if isinstance(event, ReviewRequested)]
        if asked:
            approved = self.data.draw(st.booleans())
            self.append(ReviewDecided(**ABOUT, clip_id=asked[0].clip_id, approved=approved, reviewer="ana"))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data(), request=REQUESTS)
def test_every_job_ends_exactly_once_within_its_budget_and_attempts(
    data: st.DataObject, request: dict[str, Any]
) -> None:
    world = World(data, request)
    for _ in range(data.draw(st.integers(5, 60))):
        world.step()
        state = fold(world.log)
        if request["budget_usd_micros"] is not None:
            assert committed_usd_micros(state.clips) <= request["budget_usd_micros"]
        assert committed_usd_micros(state.clips) <= world.budget
        if state.plan is not None:
            most = state.plan.estimate_usd_micros * (1 + CATALOG.policy.max_retry_cost_ratio)
            assert committed_usd_micros(state.clips) <= most
    world.now = NOW.replace(day=23)
    world.append(COMPILED)
    for _ in range(20):
        world.decide()
    terminal = [event for event in world.log if isinstance(event, TERMINAL_EVENTS)]
    assert len(terminal) == 1
    assert isinstance(fold(world.log), Ended)
    n_clips = {
        stage: len([e for e in world.log if isinstance(e, ClipRequested) and e.stage == stage])
        for stage in ("draft", "final")
    }
    assert max(n_clips.values()) <= CATALOG.policy.max_attempts_per_stage
    assert sum(n_clips.values()) <= CATALOG.policy.max_attempts_per_job
    if any(isinstance(event, ClipReused) for event in world.log):
        assert sum(n_clips.values()) == committed_usd_micros(fold(world.log).clips) == 0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data(), request=REQUESTS)
def test_a_log_read_back_from_its_bytes_folds_to_the_same_state(data: st.DataObject, request: dict[str, Any]) -> None:
    world = World(data, request)
    for _ in range(40):
        world.step()
    assert fold(decode(encode(event)) for event in world.log) == fold(world.log)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data(), request=REQUESTS)
def test_folding_is_total_over_any_order_and_repetition_of_events(data: st.DataObject, request: dict[str, Any]) -> None:
    world = World(data, request)
    for _ in range(30):
        world.step()
    shuffled = data.draw(st.permutations(world.log))
    repeated = shuffled + data.draw(st.lists(st.sampled_from(world.log), max_size=10))
    state = fold(repeated)
    assert evolve(state, world.log[0]) == state


@given(
    moves=st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 1_000), st.integers(0, 1_000), st.booleans()),
        max_size=30,
    )
)
def test_the_tenants_totals_are_the_sums_over_its_clips_however_often_a_change_is_counted(
    moves: list[tuple[str, int, int, bool]],
) -> None:
    tenant, clips = TenantAccount(), dict[str, ClipEntry]()
    for key, held, charged, is_repeated in moves:
        account = ClipAccount(held_usd_micros=held, charged_usd_micros=charged)
        entry = clips[key].changed_to(account, sequence=0) if key in clips else ClipEntry(account=account)
        tenant = tenant.counting(key, entry)
        if is_repeated:
            tenant = tenant.counting(key, entry)
        clips[key] = entry.counted()
        tenant = tenant.forgetting({key: entry.version - 1})
    assert tenant.held_usd_micros == sum(entry.account.held_usd_micros for entry in clips.values())
    assert tenant.spent_usd_micros == sum(entry.account.charged_usd_micros for entry in clips.values())


def test_a_settled_job_needs_no_correction_and_an_orphaned_hold_is_released(drafting: Any) -> None:
    for order in drafting.orders("draft"):
        drafting.succeed(order)
    clips = drafting.state.clips
    entries = {clip_id: ClipEntry(account=account_of(clip), is_counted=True) for clip_id, clip in clips.items()}
    assert corrections(entries, clips, has_ended=True) == {}
    orphan = {"clip_never_ordered": ClipEntry(account=ClipAccount(held_usd_micros=5), is_counted=True)}
    assert corrections(entries | orphan, clips, has_ended=True) == {"clip_never_ordered": ClipAccount()}
    assert corrections(entries | orphan, clips, has_ended=False) == {}
    assert held_in_advance_usd_micros(entries | orphan, clips) == 5
    scored = next(clip_id for clip_id, clip in clips.items() if clip.status == "scored")
    settled = account_of(clips[scored])
    stale = ClipEntry(account=ClipAccount(held_usd_micros=clips[scored].quote_usd_micros), is_counted=True)
    assert corrections(entries | {scored: stale}, clips, has_ended=True) == {scored: settled}
    half_done = ClipEntry(account=settled, is_counted=False)
    assert corrections(entries | {scored: half_done}, clips, has_ended=True) == {scored: settled}
    assert msgspec.json.decode(msgspec.json.encode(settled), type=ClipAccount) == settled
