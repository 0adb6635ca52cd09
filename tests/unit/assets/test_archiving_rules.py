import pytest
from assets.domain.archiving import is_erased, kept_by
from assets.domain.words import without_words
from assets.settings import Settings
from dailies_contracts import LONGEST_RETRY_S, ClipRequested, encode
from notifier.settings import Settings as NotifierSettings
from pydantic import ValidationError
from testkit.builders import clip_failed, clip_ready, job_requested
from testkit.stories import feedback_given, job_failed, promoted_job

STORY = promoted_job(prompt="a secret garden", metadata={"customer": "secret"})


def test_a_job_leaves_when_it_has_ended_and_nothing_is_open() -> None:
    assert kept_by(STORY) is None
    assert kept_by(STORY[:-1]) == "running"
    assert kept_by(STORY[1:]) == "never_requested"


def test_a_clip_that_came_and_is_not_scored_holds_nothing_up() -> None:
    order = next(event for event in STORY if isinstance(event, ClipRequested))
    requested = job_requested()
    told = (requested, order, job_failed(requested))
    assert kept_by(told) == "clip_open"
    assert kept_by((*told, clip_ready(order))) is None
    assert kept_by((*told, clip_failed(order))) is None
    assert kept_by((*told, clip_failed(order, may_still_bill=True))) == "outcome_unknown"


def test_a_job_without_files_is_not_an_erased_one() -> None:
    assert not is_erased(STORY)
    assert not is_erased(STORY[:1])


def test_no_word_is_left_and_every_fact_is_still_one() -> None:
    order = next(event for event in STORY if isinstance(event, ClipRequested))
    for event in (*STORY, feedback_given(order)):
        bare = without_words(event)
        assert b"secret" not in encode(bare)
        assert b"red ball" not in encode(bare)
        assert bare.id == event.id
        assert without_words(bare) == bare


def test_facts_stay_at_hand_for_longer_than_webhooks_are_retried() -> None:
    assert Settings().hot_hours * 3600 > LONGEST_RETRY_S
    with pytest.raises(ValidationError, match="hot_hours"):
        Settings(hot_hours=LONGEST_RETRY_S / 3600)
    assert sum(NotifierSettings().retry_delays_s) < LONGEST_RETRY_S
    with pytest.raises(ValidationError, match="waits between attempts"):
        NotifierSettings(retry_delays_s=(LONGEST_RETRY_S * 0.9,))
