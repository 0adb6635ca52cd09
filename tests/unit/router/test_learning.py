import random
from datetime import timedelta
from pathlib import Path

import pytest
from dailies_contracts import ClipRequested
from hypothesis import given
from hypothesis import strategies as st
from router.domain.health import in_flight, success_of, with_end
from router.domain.learning import Mark, QualityRecord, believe, draw, with_mark
from router.domain.market import NOTHING_KNOWN, HealthKey, Lesson, Market, QualityKey, learn, lessons_of
from router.domain.windows import with_fact
from runtime.breakers import CLOSED, Ended, HealthRecord, Ordered, breaker_of
from runtime.catalog import load_catalog
from testkit.builders import NOW, clip_failed, clip_ready, clip_scored
from testkit.stories import clip_requested

POLICY = load_catalog(Path(__file__).parents[3] / "deploy" / "catalog.toml").policy
KEY = QualityKey("kling", "m", "draft", "object.static")


def scored(values: list[float]) -> QualityRecord:
    record = QualityRecord(**KEY._asdict())
    for n, value in enumerate(values):
        record = with_mark(record, Mark(f"c{n}", float(n), value, 1.0), memory=POLICY.learning.memory)
    return record


def failed(*kinds: str, at_s: float = 0.0) -> HealthRecord:
    record = HealthRecord(provider="kling", model="m", stage="draft")
    for n, kind in enumerate(kinds):
        record = with_end(record, Ended(f"c{n}", at_s + n, kind, 10.0))
    return record


@given(
    facts=st.lists(
        st.tuples(st.text("abc", min_size=1, max_size=3), st.integers(0, 50)),
        max_size=60,
        unique_by=lambda fact: fact[0],
    )
)
def test_a_window_is_the_same_in_any_order_and_repetition(facts: list[tuple[str, int]]) -> None:
    def window(order: list[tuple[str, int]]) -> tuple[Ordered, ...]:
        kept: tuple[Ordered, ...] = ()
        for key, at_s in order:
            kept = with_fact(kept, Ordered(key, float(at_s)), size=10)
        return kept

    once = window(facts)
    again = window([*random.Random(1).sample(facts, len(facts)), *facts])
    assert once == again
    assert len(once) == min(10, len(facts))


def test_what_the_catalogue_says_is_believed_until_something_is_measured() -> None:
    belief = believe(0.62, (None, None), POLICY.learning, now_s=0.0)
    assert belief.quality == 0.62
    assert belief.n == 0
    assert 0.02 < belief.sd < POLICY.learning.quality_sd
    assert belief.scatter == POLICY.learning.quality_sd


@pytest.mark.parametrize("sd", [0.01, 0.12, 0.2])
def test_how_much_a_models_clips_scatter_is_learned(sd: float) -> None:
    draw_from = random.Random(7)
    values = [min(1.0, max(0.0, draw_from.gauss(0.5, sd))) for _ in range(40)]
    seen = scored(values)
    scatter = believe(0.6, (seen, seen), POLICY.learning, now_s=40.0).scatter
    assert abs(scatter - sd) < 0.5 * abs(POLICY.learning.quality_sd - sd) + 0.04
    nothing_known = believe(0.6, (None, scored([0.9])), POLICY.learning, now_s=1.0)
    assert nothing_known.scatter == pytest.approx(POLICY.learning.quality_sd), "one score says nothing about scatter"


def test_a_model_that_gets_worse_loses_its_good_name_within_forty_clips() -> None:
    good = scored([0.85] * 40)
    worse = scored([0.85] * 40 + [0.45] * 20)
    before = believe(0.7, (good, good), POLICY.learning, now_s=40.0).quality
    after = believe(0.7, (worse, worse), POLICY.learning, now_s=60.0).quality
    assert before > 0.78
    assert after < 0.6


def test_a_model_that_was_left_alone_gets_another_chance() -> None:
    bad = scored([0.2] * 40)
    soon = believe(0.7, (bad, bad), POLICY.learning, now_s=60.0)
    later = believe(0.7, (bad, bad), POLICY.learning, now_s=60.0 + 14 * 24 * 3600)
    assert soon.quality < 0.45
    assert later.quality > 0.6
    assert later.sd > soon.sd


def test_the_same_seed_draws_the_same_and_draws_scatter_about_the_belief() -> None:
    belief = believe(0.7, (None, None), POLICY.learning, now_s=0.0)
    draws = [draw(belief, seed=seed, name="kling.m") for seed in range(400)]
    assert draws == [draw(belief, seed=seed, name="kling.m") for seed in range(400)]
    assert abs(sum(draws) / len(draws) - 0.7) < 0.01
    spread = (sum((each - 0.7) ** 2 for each in draws) / len(draws)) ** 0.5
    assert 0.8 * belief.sd < spread < 1.2 * belief.sd
    near = [draw(belief, seed=seed, name="kling.m", exploration=0.4) for seed in range(400)]
    assert all(abs((one - 0.7) - 0.4 * (other - 0.7)) < 1e-3 for one, other in zip(near, draws, strict=True))


def test_refusals_of_a_class_lower_the_chance_that_a_clip_comes() -> None:
    refusing = scored([-1.0] * 10)
    assert believe(0.7, (None, refusing), POLICY.learning, now_s=10.0).refusal > 0.5
    assert believe(0.7, (None, None), POLICY.learning, now_s=10.0).refusal < 0.05


def test_a_breaker_opens_after_failures_in_a_row_and_waits_twice_as_long_after_each_failed_try() -> None:
    n = POLICY.breaker.min_failures
    assert breaker_of(failed(*["unavailable"] * (n - 1)), POLICY.breaker, now_s=10.0) == CLOSED
    opened = breaker_of(failed(*["unavailable"] * n), POLICY.breaker, now_s=10.0)
    assert (opened.state, opened.failure, opened.n_failures) == ("open", "unavailable", n)
    tried = breaker_of(failed(*["unavailable"] * (n + 1)), POLICY.breaker, now_s=10.0)
    assert tried.until_s - (n + 0.0) == 2 * (opened.until_s - (n - 1.0))
    assert breaker_of(failed(*["unavailable"] * n), POLICY.breaker, now_s=opened.until_s).state == "half_open"
    assert breaker_of(failed(*["unavailable"] * n, ""), POLICY.breaker, now_s=opened.until_s) == CLOSED


def test_refusals_and_withdrawn_clips_do_not_open_a_breaker() -> None:
    kinds = ["refused", "invalid_request", "withdrawn"] * 5
    assert breaker_of(failed(*kinds), POLICY.breaker, now_s=20.0) == CLOSED


def test_a_refused_account_opens_at_once() -> None:
    assert breaker_of(failed("", "auth"), POLICY.breaker, now_s=2.0).state == "open"


def test_an_outage_that_is_over_is_forgiven_and_scattered_failures_are_not() -> None:
    after = failed(*["unavailable"] * 8, "", "", at_s=0.0)
    flaky = failed(*["", "unavailable"] * 8, at_s=0.0)
    assert success_of(after, POLICY.breaker, now_s=20.0) > 0.95
    assert success_of(flaky, POLICY.breaker, now_s=20.0) < 0.75


def lessons(order: ClipRequested, *, came: bool) -> list[Lesson]:
    facts = [order, clip_ready(order), clip_scored(order)] if came else [order, clip_failed(order, kind="refused")]
    return [
        each
        for fact in facts
        for each in lessons_of(fact, prompt_class="object.static", learning=POLICY.learning)  # type: ignore[arg-type]
    ]


def test_a_market_is_the_same_whatever_order_its_lessons_came_in() -> None:
    orders = [clip_requested(attempt=n, at=NOW + timedelta(minutes=n)) for n in range(1, 9)]
    taught = [each for n, order in enumerate(orders) for each in lessons(order, came=n % 3 > 0)]

    def market(order: list[Lesson]) -> Market:
        known = NOTHING_KNOWN
        for lesson in order:
            known = learn(known, lesson, POLICY.learning)
        return known

    once = market(taught)
    assert market([*reversed(taught), *taught]) == once
    record = once.health[HealthKey("kling", "kling-test", "draft")]
    assert in_flight(record, now_s=(NOW + timedelta(minutes=10)).timestamp()) == 0
    assert len(record.ends) == 8
