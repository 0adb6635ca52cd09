"""What is written down of every attempt before its delivery goes on: the log, and the endpoint's standing."""

import logging
import uuid
from datetime import datetime

from dailies_contracts import NOTICE, AttemptState, WebhookAttempt, encode_message
from runtime.clock import Clock
from runtime.timers import Timers

from notifier.adapters.attempt_log import AttemptLog
from notifier.adapters.standings import Standings
from notifier.attempts import Attempted
from notifier.domain.endpoints import Endpoint
from notifier.domain.notices import disabled_notice
from notifier.domain.notifications import Notification, Topic
from notifier.domain.outcomes import Accepted, Failed, Reply
from notifier.domain.payload import webhook_id
from notifier.domain.standing import Standing

INTERRUPTED = "webhook.interrupted"
"""The process died between sending and writing down: the endpoint may have it, and gets it again with the same id."""

log = logging.getLogger(__name__)


class Reports:
    """Writes attempts down."""

    def __init__(self, *, attempts: AttemptLog, standings: Standings, timers: Timers, clock: Clock) -> None:
        """Take where to write.

        Args:
            attempts: The log of attempts.
            standings: Of endpoints.
            timers: The notifier's own, for what owners are told.
            clock: The time.
        """
        self._attempts = attempts
        self._standings = standings
        self._timers = timers
        self._clock = clock

    async def is_off(self, endpoint: Endpoint) -> bool:
        """Tell whether an endpoint is told nothing: switched off by its owner, or disabled."""
        if endpoint.forced:
            return False
        return not endpoint.enabled or (await self._standings.of(endpoint)).disabled_at is not None

    async def write(
        self,
        notification: Notification,
        topic: Topic,
        endpoint: Endpoint,
        attempted: Attempted,
        *,
        number: int,
        next_at: datetime | None,
        replayed: bool = False,
    ) -> None:
        """Write one attempt down, and disable its endpoint where it was one too many.

        Args:
            notification: What was sent.
            topic: What it belongs to.
            endpoint: Who was told.
            attempted: How it went.
            number: Of the attempt, from 1.
            next_at: Time of the next one; None where there is none.
            replayed: Somebody asked for it again.

        Raises:
            DependencyUnavailable: It may not be written; the attempt repeats.
        """
        outcome = attempted.reply.outcome
        untold: AttemptState = "retrying" if next_at is not None else "failed"
        await self._attempts.write(
            WebhookAttempt(
                id=uuid.uuid4().hex,
                webhook_id=webhook_id(notification, topic.id, endpoint_id=endpoint.id),
                tenant_id=topic.tenant_id,
                endpoint_id=endpoint.id,
                topic_id=topic.id,
                kind=notification.type,
                sequence=notification.sequence,
                number=number,
                at=attempted.at,
                duration_ms=attempted.duration_ms,
                outcome=outcome.code,
                state="delivered" if isinstance(outcome, Accepted) else untold,
                next_at=next_at,
                target=endpoint.target,
                response=attempted.reply.body,
                replayed=replayed,
            )
        )
        if not endpoint.forced:
            disabled = await self._standings.take_in(endpoint, outcome)
            if disabled is not None:
                await self._tell_owner(endpoint, disabled)

    async def write_interrupted(
        self, notification: Notification, topic: Topic, endpoint: Endpoint, *, number: int
    ) -> None:
        """Write down that an attempt of a process that died may have been made."""
        now = self._clock()
        await self.write(
            notification, topic, endpoint, Attempted(Reply(Failed(INTERRUPTED)), now, 0), number=number, next_at=now
        )

    async def _tell_owner(self, endpoint: Endpoint, standing: Standing) -> None:
        """Tell the owner by every other way there is; once, however many processes notice."""
        log.warning("endpoint.disabled", extra={"endpoint.id": endpoint.id, "reason": standing.reason})
        at = standing.disabled_at or self._clock()
        notice = disabled_notice(endpoint, reason=standing.reason, since=standing.failing_since or at, at=at)
        await self._timers.fire(NOTICE, notice.id, encode_message(notice))
