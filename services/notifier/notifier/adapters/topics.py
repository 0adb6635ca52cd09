"""What can be told: the history of a job as notifications, or a notice."""

from dailies_contracts import JobRequested
from runtime.errors import InvariantBroken, Transient
from runtime.log import EventLog

from notifier.adapters.notices import Notices
from notifier.domain.notifications import Topic, notifications, topic_of_notice


class Topics:
    """Loads topics."""

    def __init__(self, *, log: EventLog, notices: Notices) -> None:
        self._log = log
        self._notices = notices

    async def load(self, topic_id: str, *, facts: frozenset[str] = frozenset()) -> Topic | None:
        """Load everything that is told about a job, or a notice.

        Args:
            topic_id: Of either.
            facts: Ids of facts about a job that gave the reason to look: a history without them is too old.

        Returns:
            None where nothing can be told.

        Raises:
            Transient: The history lacks a fact: it came from a replica that is behind.
        """
        notice = None if facts else await self._notices.find(topic_id)
        if notice is not None:
            return topic_of_notice(notice)
        history = await self._log.history(topic_id)
        if facts and not facts <= {event.id for event in history.events}:
            raise Transient("log.behind", "the history lacks the fact that it was read for", retry_after_s=0.2)
        told = notifications(history.events)
        if not told:
            return None
        requested = history.first(JobRequested)
        if requested is None:
            raise InvariantBroken("notifications.without_request", topic_id)
        return Topic(topic_id, requested.tenant_id, requested, told)
