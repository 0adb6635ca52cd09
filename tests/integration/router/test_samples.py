"""Clips that share a vendor request, on a real bus: held one by one, written all or none."""

from typing import Any

import pytest
from dailies_contracts import ClipFailed, ClipRequested
from runtime.catalog import Catalog
from runtime.log import EventLog
from testkit.builders import JOB, job_requested, prompt_compiled


@pytest.fixture
async def log(desk: Any) -> EventLog:
    """A job that is pinned to the vendor that takes samples."""
    log: EventLog = desk.service.log
    await log.append_fact(job_requested(provider="veo", at=desk.clock()))
    await log.append_fact(prompt_compiled(at=desk.clock()))
    return log


async def test_clips_of_one_request_are_held_and_written_together(desk: Any, log: EventLog, catalog: Catalog) -> None:
    advance = await desk.advance(log, desk.replica(), catalog)
    await advance(JOB)
    history = await log.history(JOB)
    follower, leader = history.all(ClipRequested)
    assert (follower.sample_of, follower.sample, leader.sample_of) == (leader.clip_id, 1, None)
    held = {clip_id: account.held_usd_micros for clip_id, account in (await desk.accounts(JOB)).items()}
    assert held == {follower.clip_id: follower.quote_usd_micros, leader.clip_id: leader.quote_usd_micros}


async def test_a_request_whose_second_clip_cannot_be_written_is_not_written_at_all(
    desk: Any, log: EventLog, catalog: Catalog
) -> None:
    class Interrupted(EventLog):
        """Something happens to the job between the decision and its writing."""

        def __init__(self) -> None:
            self.__dict__.update(log.__dict__)
            self.n_seen: list[int] = []

        async def append(self, job_id: str, events: Any, *, expected_sequence: int) -> int:
            if not self.n_seen:
                other = {name: getattr(events[-1], name) for name in ("job_id", "tenant_id", "occurred_at", "model")}
                failed = {"clip_id": "clip_other", "provider": "veo", "stage": "draft", "kind": "unclassified"}
                await log.append_fact(ClipFailed(**other, **failed, code="x", message="Y."))
                self.n_seen.append(len(events))
            return await super().append(job_id, events, expected_sequence=expected_sequence)

    interrupted = Interrupted()
    advance = await desk.advance(interrupted, desk.replica(), catalog)
    await advance(JOB)
    assert interrupted.n_seen == [2], "both in one write"
    assert [order.attempt for order in (await log.history(JOB)).all(ClipRequested)] == [1, 2]
