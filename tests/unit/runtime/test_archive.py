import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from runtime.archive import TIME, facts_of, lines_of, merged
from runtime.direct_get import DirectGet, Stored
from runtime.errors import DependencyUnavailable, Permanent
from runtime.replay import matches

STORED = Stored(
    "video.v1.job_a.job_failed",
    7,
    {"ce-id": "x", "Nats-Sequence": "7", TIME: "2026-11-27T10:00:00.123456789Z"},
    b'{"type":"JobFailed"}',
)


def test_a_line_holds_what_was_published_and_nothing_of_the_server() -> None:
    (line,) = lines_of([STORED]).splitlines()
    assert msgspec.json.decode(line) == {
        "subject": STORED.subject,
        "sequence": 7,
        "time": "2026-11-27T10:00:00.123456789Z",
        "headers": {"ce-id": "x"},
        "payload": {"type": "JobFailed"},
    }


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{\n  "a": [1,\n 2]\n}', b'{"a":[1,2]}'),
        (b"not json", b"not json"),
        (b'"\xff"', b'"\xff"'),
        (b"", b""),
        (b'{"a":1.50,"b":1e400}', b'{"a":1.50,"b":1e400}'),
    ],
)
def test_any_body_is_one_line_and_comes_back(body: bytes, kept: bytes) -> None:
    written = lines_of([STORED._replace(body=body), STORED])
    assert written.count(b"\n") == 2
    assert [each.body for each in facts_of(written)] == [kept, STORED.body]


def test_what_is_no_archive_is_refused() -> None:
    with pytest.raises(Permanent, match=r"archive\.malformed"):
        facts_of(b'{"subject": 1}\n')


def test_of_two_forms_of_a_fact_the_archived_one_counts() -> None:
    again, other = STORED._replace(sequence=9), STORED._replace(subject="video.v1.job_a.job_cancelled", sequence=8)
    assert merged([STORED], [again, other]) == [STORED, other]


@pytest.mark.parametrize(
    ("pattern", "subject", "fits"),
    [
        ("video.v1.*.clip_ready.kling.*", "video.v1.job_a.clip_ready.kling.clip_1", True),
        ("video.v1.*.clip_ready.kling.*", "video.v1.job_a.clip_ready.veo.clip_1", False),
        ("video.v1.*.clip_ready.*.*", "video.v1.job_a.clip_ready.veo", False),
        ("video.v1.>", "video.v1.job_a.job_failed", True),
        ("video.v1.>", "video.v1", False),
    ],
)
def test_filters_match_as_on_the_server(pattern: str, subject: str, *, fits: bool) -> None:
    assert matches(pattern, subject) is fits


class Answering:
    """A connection whose server answers each request with the next of some scripts."""

    def __init__(self, *scripts: tuple[str, ...]) -> None:
        self.scripts = list(scripts)

    def new_inbox(self) -> str:
        return "inbox"

    async def subscribe(self, _subject: str, cb: Any) -> None:
        self.cb = cb

    async def publish(self, _subject: str, _body: bytes, reply: str) -> None:
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        for step in script:
            status = {"Status": step} if step in ("204", "404") else {"Nats-Subject": step, "Nats-Sequence": "1"}
            await self.cb(SimpleNamespace(subject=reply, headers=status, data=b""))


async def test_what_was_deleted_while_it_was_read_is_asked_for_again() -> None:
    reader = DirectGet(Answering(("a", "404"), ("a", "b", "204")))  # type: ignore[arg-type]
    async with asyncio.timeout(5):
        assert [each.subject for each in await reader.last_of_each("VIDEO", (">",))] == ["a", "b"]
        assert await DirectGet(Answering(("404",))).last_of_each("VIDEO", (">",)) == []  # type: ignore[arg-type]
        with pytest.raises(DependencyUnavailable, match=r"nats\.read_interrupted"):
            await DirectGet(Answering(("a", "404"))).last_of_each("VIDEO", (">",))  # type: ignore[arg-type]
