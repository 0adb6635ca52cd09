"""A small world around the worker's handlers: log, timers, buckets, store and vendor in memory, a clock of our own."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dailies_contracts import (
    AnyEvent,
    Ask,
    AssetRef,
    ClipRequested,
    CompiledPrompt,
    Event,
    derive_clip_id,
    subject_of,
)
from provider_workers.adapters.download import save_inline
from provider_workers.adapters.instant import small_clip
from provider_workers.adapters.intents import Intents
from provider_workers.adapters.slots import Slots
from provider_workers.domain.adapter import (
    Absent,
    CallbackHint,
    Download,
    Order,
    Outcome,
    Output,
    Running,
    Submission,
    Succeeded,
    TaskRef,
)
from provider_workers.domain.pace import Pace
from provider_workers.domain.tick import Hint, Tick, encode_tick
from provider_workers.handlers import Handlers
from provider_workers.ports import Desk
from runtime.buckets import Entry
from runtime.catalog import Model, Provider
from runtime.errors import ConcurrencyConflict
from runtime.log import History
from runtime.timers import Due
from testkit.clock import FakeClock

JOB = "job_1"
MODEL = Model(
    name="model-1",
    tier="draft",
    durations_s=(5,),
    aspect_ratios=("16:9",),
    resolutions=("720p",),
    usd_micros_per_s={"720p": 42_000},
    prompt_max_chars=1000,
    quality=0.5,
    latency_s=60,
)
VENDOR = Provider(name="kling", slots=2, poll_s=4.0, reconcile_s=60, can_find=True, model=(MODEL,))
PACE = Pace(poll_s=4.0, reconcile_s=60, submit_timeout_s=10, visible_after_s=5, watch_limit_s=172_800)


class Crash(BaseException):
    """The process dies here."""


class Effects:
    """Counts every effect on the outside, and dies at one of them when told to."""

    def __init__(self) -> None:
        self.n = 0
        self.dies_at: int | None = None
        self.dies_before = True

    def around(self, effect: Callable[[], Any]) -> Any:
        """Have one effect, unless the process dies first; or die before anybody learns of it."""
        number, self.n = self.n, self.n + 1
        if number == self.dies_at and self.dies_before:
            raise Crash
        result = effect()
        if number == self.dies_at:
            raise Crash
        return result


class MemoryLog:
    def __init__(self, effects: Effects) -> None:
        self.events: list[AnyEvent] = []
        self._effects = effects

    async def append_fact(self, event: Event) -> bool:
        return self._effects.around(lambda: self.add(event))

    def add(self, event: Event) -> bool:
        if subject_of(event) in map(subject_of, self.events):
            return False
        self.events.append(event)
        return True

    async def append(self, job_id: str, events: Sequence[Event], *, expected_sequence: int) -> int:
        def write() -> int:
            if self._sequence(job_id) != expected_sequence:
                raise ConcurrencyConflict("job.changed", job_id)
            for event in events:
                if not self.add(event):
                    raise ConcurrencyConflict("job.changed", job_id)
            return self._sequence(job_id)

        return self._effects.around(write)

    async def history(self, job_id: str) -> History:
        return History(tuple(e for e in self.events if e.job_id == job_id), self._sequence(job_id))

    def _sequence(self, job_id: str) -> int:
        return max((number for number, e in enumerate(self.events, 1) if e.job_id == job_id), default=0)

    def of(self, kind: type[Any], clip_id: str | None = None) -> list[Any]:
        return [e for e in self.events if isinstance(e, kind) and clip_id in (None, getattr(e, "clip_id", None))]


class MemoryTimers:
    def __init__(self, effects: Effects, clock: FakeClock) -> None:
        self.set: dict[tuple[str, str], tuple[datetime, bytes]] = {}
        self._effects = effects
        self._clock = clock

    async def schedule(self, name: str, key: str, *, at: datetime, payload: bytes = b"") -> None:
        self._effects.around(lambda: self.set.__setitem__((name, key), (at, payload)))

    async def fire(self, name: str, key: str, payload: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        del headers
        await self.schedule(name, key, at=self._clock(), payload=payload)

    def first(self) -> tuple[datetime, str, str, bytes] | None:
        due = [(at, name, key, payload) for (name, key), (at, payload) in self.set.items()]
        return min(due, default=None)


class MemoryBucket:
    def __init__(self, effects: Effects) -> None:
        self.kept: dict[str, Entry] = {}
        self._effects = effects
        self._revision = 0

    async def get(self, key: str) -> Entry | None:
        return self.kept.get(key)

    async def entries(self, pattern: str = ">") -> list[Entry]:
        prefix = pattern.rstrip("*>")
        return [entry for key, entry in self.kept.items() if key.startswith(prefix)]

    async def create(self, key: str, value: bytes, *, ttl_s: float | None = None) -> int | None:
        del ttl_s
        return self._effects.around(lambda: None if key in self.kept else self._write(key, value))

    async def update(self, key: str, value: bytes, revision: int, *, ttl_s: float | None = None) -> int:
        del ttl_s

        def write() -> int:
            entry = self.kept.get(key)
            if (entry.revision if entry else 0) != revision:
                raise ConcurrencyConflict("bucket.changed", key)
            return self._write(key, value)

        return self._effects.around(write)

    async def put(self, key: str, value: bytes, *, ttl_s: float | None = None) -> None:
        del ttl_s
        self._effects.around(lambda: self._write(key, value))

    def _write(self, key: str, value: bytes) -> int:
        self._revision += 1
        self.kept[key] = Entry(key, value, self._revision)
        return self._revision


class MemoryObjects:
    def __init__(self, effects: Effects) -> None:
        self.kept: dict[str, bytes] = {}
        self.tags: dict[str, Mapping[str, str]] = {}
        self._effects = effects

    async def put(
        self, key: str, data: bytes | Path, *, media_type: str, tags: Mapping[str, str] | None = None
    ) -> AssetRef:
        body = data if isinstance(data, bytes) else data.read_bytes()
        self._effects.around(lambda: self.kept.__setitem__(key, body))
        self.tags[key] = tags or {}
        digest = hashlib.sha256(body).hexdigest()
        return AssetRef(uri=f"s3://b/{key}", sha256=digest, size_bytes=len(body), media_type=media_type)

    async def fetch(self, ref: AssetRef) -> bytes:
        return self.kept[ref.uri.removeprefix("s3://b/")]

    async def presign(self, ref: AssetRef, *, expires_s: int) -> str:
        return f"https://s3.test/{ref.uri.removeprefix('s3://')}?expires={expires_s}"


@dataclass
class FakeVendor:
    """A vendor that accepts everything, and ends a task when told.

    Attributes:
        answers: What the next submits do: None accepts, an error accepts nothing, ("lost", error) accepts and raises.
        outcomes: What polls see by task id; running when not told.
        polls: What the next polls do before `outcomes` counts.
        downloads: What the next downloads do: None succeeds.
    """

    effects: Effects
    can_find: bool = True
    keeps_reference: bool = True
    polls_at_once: bool = False
    takes_samples: bool = False
    takes_last_frame: bool = True
    takes_references: bool = True
    answers: list[Any] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    polls: list[Any] = field(default_factory=list)
    finds: list[Any] = field(default_factory=list)
    downloads: list[Any] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)
    n_posts: int = 0
    n_polls: int = 0
    cancelled: list[str] = field(default_factory=list)

    async def submit(self, order: Order) -> Submission:
        self.n_posts += 1
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, BaseException):
            raise answer
        submission = self.effects.around(lambda: self.accept(order))
        if answer is not None:
            raise answer[1]
        return submission

    def accept(self, order: Order) -> Submission:
        task_id = f"task-{len(self.orders) + 1}"
        self.orders[task_id] = order
        return Submission(provider_task_id=task_id, reference=order.reference if self.keeps_reference else "")

    async def poll(self, task: TaskRef) -> Outcome:
        self.n_polls += 1
        told = self.polls.pop(0) if self.polls else None
        if isinstance(told, BaseException):
            raise told
        order = self.orders.get(task.provider_task_id)
        if order is None:
            return Absent()
        reference = order.reference if self.keeps_reference else ""
        return told or self.outcomes.get(task.provider_task_id, Running(reference=reference))

    async def find(self, reference: str, *, since: datetime) -> Submission | None:
        del since
        told = self.finds.pop(0) if self.finds else None
        if isinstance(told, BaseException):
            raise told
        found = next((task_id for task_id, order in self.orders.items() if order.reference == reference), None)
        return None if found is None else Submission(provider_task_id=found, reference=reference)

    async def cancel(self, task: TaskRef) -> bool:
        self.cancelled.append(task.provider_task_id)
        return True

    async def parse_callback(self, headers: Mapping[str, str], body: bytes) -> CallbackHint | None:
        return None if headers.get("sig") == "forged" else CallbackHint(provider_task_id=body.decode())

    async def download(self, output: Output, target: Path) -> Download:
        told = self.downloads.pop(0) if self.downloads else None
        if isinstance(told, BaseException):
            raise told
        return save_inline(output.content if told is None else told, target)

    def finish(self, task_id: str, outcome: Outcome | None = None, *, content: bytes = b"", **fields: Any) -> None:
        """End a task; without an outcome it succeeds with a real clip."""
        self.outcomes[task_id] = outcome or Succeeded(output=Output(content=content or CLIP), **fields)


CLIP = small_clip()


class World:
    """The handlers of one vendor with everything around them."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.effects = Effects()
        self.log = MemoryLog(self.effects)
        self.timers = MemoryTimers(self.effects, clock)
        self.objects = MemoryObjects(self.effects)
        self.vendor = FakeVendor(self.effects)
        self.slot_bucket, self.intent_bucket = MemoryBucket(self.effects), MemoryBucket(self.effects)
        self.vendor_entry = VENDOR
        self.slots = self.new_slots()
        self.intents = Intents(self.intent_bucket, VENDOR.name)
        self.handlers = self.new_process()

    def new_process(self, pace: Pace = PACE, intents: Intents | None = None) -> Handlers:
        """The handlers as a restarted process has them: nothing is remembered."""
        self.slots = self.new_slots()
        return Handlers(
            Desk(
                adapter=self.vendor,
                log=self.log,
                timers=self.timers,
                objects=self.objects,
                slots=self.slots,
                intents=intents or self.intents,
                clock=self.clock,
                listed=lambda: VENDOR,
                tempo=pace,
                callback_base_url="https://gateway.example",
                callback_secret="secret",
            )
        )

    def new_slots(self) -> Slots:
        """The vendor's slots as a process sees them that has seen nothing yet."""
        return Slots(
            self.slot_bucket, lambda: VENDOR, account="main", ttl_s=180, wait_ttl_s=PACE.slot_memory_s, clock=self.clock
        )

    def request(self, attempt: int = 1, **changes: Any) -> ClipRequested:
        """Order a clip, and put the order into the log."""
        prompt = CompiledPrompt(
            provider="kling",
            model="model-1",
            prompt="a cup",
            score_prompt="a cup",
            duration_s=5,
            aspect_ratio="16:9",
            resolution="720p",
            ask=Ask(camera=("dolly_in",), duration_s=5.0),
        )
        event = ClipRequested(
            **{
                "job_id": JOB,
                "tenant_id": "acme",
                "occurred_at": self.clock(),
                "clip_id": derive_clip_id(JOB, stage="draft", attempt=attempt),
                "provider": "kling",
                "model": "model-1",
                "stage": "draft",
                "attempt": attempt,
                "prompt": prompt,
                "quote_usd_micros": 210_000,
                "deadline_at": self.clock() + timedelta(seconds=900),
            }
            | changes
        )
        self.log.add(event)
        return event

    def requests(self, n: int, **changes: Any) -> list[ClipRequested]:
        """Order several clips with one request, the leading one last."""
        leader = derive_clip_id(JOB, stage="draft", attempt=n)
        led = [self.request(each, sample_of=leader, sample=each, **changes) for each in range(1, n)]
        return [*led, self.request(n, seed=7, **changes)]

    async def call_back(self, clip_id: str, body: str, *, forged: bool = False) -> None:
        """The gateway fires the timer of a clip for a callback."""
        hint = Hint(body=body, headers={"sig": "forged" if forged else "right"})
        tick = encode_tick(Tick(job_id=JOB, clip_id=clip_id, hint=hint))
        await self.handlers.on_poll_due(Due("poll", clip_id, tick, {}))

    async def next_timer(self) -> str:
        """Turn the clock to the next timer and run it; gives its name, empty where none is set."""
        due = self.timers.first()
        if due is None:
            return ""
        at, name, key, payload = due
        self.clock.now = max(self.clock(), at)
        handler = self.handlers.on_poll_due if name == "poll" else self.handlers.on_watch_due
        before = self.timers.set[name, key]
        await handler(Due(name, key, payload, {}))
        if self.timers.set.get((name, key)) is before:
            del self.timers.set[name, key]
        return name

    async def run_timers(self, *, until: Callable[[], bool] = lambda: False, limit: int = 500) -> None:
        """Run timers in order until a condition holds or none is left."""
        for _ in range(limit):
            if until() or not await self.next_timer():
                return
        pytest.fail("timers never end")


@pytest.fixture
def world(clock: FakeClock) -> World:
    clock.now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    return World(clock)


@pytest.fixture
def crash() -> type[Crash]:
    return Crash
