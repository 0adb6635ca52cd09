"""Messages to people through Apprise: Slack, mail, Teams and others. Off the webhooks' path, in threads of its own.

Apprise blocks, so a few threads send; a thread that hangs is given up by its own socket limits. What Apprise and the
libraries below it log could hold a channel's tokens, so they say nothing.
"""

import asyncio
import logging
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from opentelemetry.trace import SpanKind
from runtime.telemetry import span

from notifier.domain.channels import ChannelRefused, Words, apprise_url, words_of
from notifier.domain.endpoints import Endpoint
from notifier.domain.notifications import Notification, Topic
from notifier.domain.outcomes import Accepted, Failed, Rejected, Reply

N_THREADS = 8
SOCKET_S = 5.0
"""Of connecting, and of each read: Apprise's own limits, set whatever the URL says."""
TALKATIVE = ("apprise", "urllib3", "requests")


class People:
    """Tells people; the `Transport` of channels."""

    def __init__(
        self,
        threads: ThreadPoolExecutor,
        *,
        schemes: Collection[str],
        mail_relay: str,
        public_url: str,
        timeout_s: float,
    ) -> None:
        self._threads = threads
        self._schemes = schemes
        self._mail_relay = mail_relay
        self._public_url = public_url
        self._timeout_s = timeout_s

    async def send(self, notification: Notification, topic: Topic, endpoint: Endpoint, *, number: int) -> Reply:
        """Send a message once; see `Transport`."""
        try:
            url = apprise_url(endpoint.url, schemes=self._schemes, mail_relay=self._mail_relay)
        except ChannelRefused as err:
            return Reply(Rejected(str(err)))
        words = words_of(notification, topic, public_url=self._public_url)
        attributes = {"dailies.webhook.type": notification.type, "dailies.webhook.attempt": number}
        with span("channel.notify", kind=SpanKind.CLIENT, **attributes) as current:
            reply = await self._notify(url, words)
            current.set_attribute("dailies.webhook.outcome", reply.outcome.code)
        return reply

    async def _notify(self, url: str, words: Words) -> Reply:
        sending = asyncio.get_running_loop().run_in_executor(self._threads, _send, url, words)
        try:
            async with asyncio.timeout(self._timeout_s):
                return Reply(await sending)
        except TimeoutError:
            return Reply(Failed("channel.timed_out"))


@contextmanager
def open_people(*, schemes: Collection[str], mail_relay: str, public_url: str, timeout_s: float) -> Iterator[People]:
    """Open the way to people.

    Args:
        schemes: Kinds of channels that may be used.
        mail_relay: Apprise URL of our mail server; empty: no mail.
        public_url: The gateway's address as people see it.
        timeout_s: Limit of one message.
    """
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    threads = ThreadPoolExecutor(N_THREADS, thread_name_prefix="people")
    try:
        yield People(threads, schemes=schemes, mail_relay=mail_relay, public_url=public_url, timeout_s=timeout_s)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _send(url: str, words: Words) -> Accepted | Failed | Rejected:
    import apprise  # noqa: PLC0415 (half a second that a notifier without channels need not spend)

    channel = apprise.Apprise.instantiate(url)
    if not isinstance(channel, apprise.NotifyBase):
        return Rejected("channel.malformed")
    channel.socket_connect_timeout = channel.socket_read_timeout = SOCKET_S
    channel.verify_certificate = True
    is_sent = channel.notify(body=words.body, title=words.title, body_format=apprise.NotifyFormat.TEXT)
    return Accepted("channel.accepted") if is_sent else Failed("channel.not_accepted")
