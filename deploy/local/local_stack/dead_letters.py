"""Look at the messages that no service could handle, and hand them back: the gateway's admin API in words."""

from collections.abc import Mapping
from typing import Any

import httpx

PAGE = 100  # the most that the gateway gives at once
BODY_CHARS = 160  # of each message, enough to recognise it


class AdminRefused(Exception):
    """The gateway did not do what the administrator asked for."""


def listing(facts: Mapping[str, Any]) -> list[str]:
    """Describe every dead letter, oldest first.

    Args:
        facts: `stack.json` of a running stack.

    Raises:
        AdminRefused: The gateway does not answer, or not as it should.
    """
    lines: list[str] = []
    last = 0
    while letters := _ask(facts, "GET", f"?limit={PAGE}&after={last}")["dead_letters"]:
        for letter in letters:
            lines += _described(letter)
        last = letters[-1]["sequence"]
    return lines


def replay(facts: Mapping[str, Any], number: int) -> list[str]:
    """Hand one dead letter back to the consumer that gave it up.

    Raises:
        AdminRefused: There is no such letter, or the gateway does not answer.
    """
    answer = _ask(facts, "POST", f"/{number}/replay")
    return [f"{answer['sequence']} was handed back to {answer['service']}: {answer['subject']}"]


def _described(letter: Mapping[str, Any]) -> list[str]:
    body = letter["body"].replace("\n", " ")
    return [
        f"{letter['sequence']:6}  {letter['service']:24} {letter['subject']}",
        f"        {letter['reason']} (after {letter['deliveries']} deliveries)",
        f"        {body[:BODY_CHARS]}{'…' if len(body) > BODY_CHARS else ''}",
    ]


def _ask(facts: Mapping[str, Any], method: str, path: str) -> dict[str, Any]:
    url = f"{facts['gateway_url']}/v1/admin/dead-letters{path}"
    try:
        login = {"Authorization": f"Bearer {facts['admin_key']}"}
        answer = httpx.request(method, url, headers=login, timeout=10, trust_env=False)
    except httpx.HTTPError as err:
        raise AdminRefused(f"The gateway does not answer ({err}); see `status`.") from err
    if not answer.is_success:
        raise AdminRefused(f"{method} {url}: {answer.status_code} {answer.text[:500]}")
    body: dict[str, Any] = answer.json()
    return body
