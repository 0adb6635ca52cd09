"""The task engine under all vendors: accept an order, let time pass, render, bill, call back.

A vendor's submit endpoint calls `accept`; poll endpoints read tasks from the ledger.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from statistics import NormalDist

import httpx
import msgspec

from simulator.background import Background
from simulator.faults import Fault, FaultBook, chance, without_marks
from simulator.ledger import Ledger
from simulator.media import MediaStore
from simulator.settings import Latency, Tuning
from simulator.tasks import ENDED, ClipSpec, Defect, Order, State, Task, UnreadablePicture

REFUSED_S = 1.0
FOREVER_S = 1e9  # not infinity, which JSON cannot carry
P95_Z = NormalDist().inv_cdf(0.95)
QUEUED_SHARE = 0.1  # part of a task's time that it waits before it starts
SMALL_SIZES_PX = {True: (320, 180), False: (180, 320)}  # landscape or not
USUAL_DURATIONS_S = (4.0, 5.0, 6.0, 8.0, 10.0)
SMALL_PROMPT = "a red ball"
ENDINGS = {"refused_at_completion": State.FILTERED, "failed_at_completion": State.FAILED}

N_ANCHORS = 24  # the latest clips that a first frame may come from
NO_IMAGE = "The input image could not be fetched or is no picture"

Announce = Callable[[Task, Background], None]
FetchImage = Callable[[str], Awaitable[bytes | None]]


class Engine:
    """Runs every task from acceptance to its end; the only writer of tasks."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        media: MediaStore,
        faults: FaultBook,
        tuning: Tuning,
        announce: Announce,
        fetch_image: FetchImage,
        http: httpx.AsyncClient,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.ledger = ledger
        self.media = media
        self.faults = faults
        self.tuning = tuning
        self.clock = clock
        self.http = http  # for what a vendor asks of a client's address while it answers
        self._announce = announce
        self._fetch_image = fetch_image
        self.refuse_connections: Callable[[float], None] = _no_door
        self._wakeups: dict[tuple[str, str], asyncio.Event] = {}
        self._watchers: list[asyncio.Event] = []
        self.background = Background()

    async def prepare(self) -> None:
        """Render the small clips that tasks are likely to ask for, so that none has to wait for one."""
        if self._has_small_clips:
            for duration_s in USUAL_DURATIONS_S:
                await self.media.clip(small_clip(duration_s))

    def resume(self) -> None:
        """Go on with the tasks that a former process left open."""
        for task in self.ledger.tasks():
            if task.is_open:
                self._start(task)

    async def close(self) -> None:
        """Stop working; open tasks go on after the next start."""
        await self.background.close()

    def accept(self, order: Order, *, task_id: str, marks: tuple[str, ...] = (), planned: State | None = None) -> Task:
        """Take an order on: from here on the vendor does the work and bills it.

        Args:
            order: What the client asked for.
            task_id: The vendor's id.
            marks: Markers found in the request.
            planned: How it will end; None: as the faults say.
        """
        now = self.clock()
        tuning = self.tuning
        nth = self.ledger.n_of_prompt(order.vendor, order.model, order.prompt)
        drawn = self._plan(order, marks)
        if (refused := drawn.get("connection_refused")) is not None:
            self.refuse_connections(refused.duration_s or REFUSED_S)
        latency_s = 0.0 if tuning.zero_latency else self._latency_s(order, nth, drawn)
        stuck = drawn.get("stuck")
        task = Task(
            id=task_id,
            order=order,
            submitted_at_s=now,
            starts_at_s=now + latency_s * QUEUED_SHARE,
            due_at_s=now + latency_s,
            planned=planned or _ending(order, drawn),
            stuck_until_s=None if stuck is None else now + (stuck.duration_s or FOREVER_S),
            clips=self._clips(order, nth, drawn),
            n_filtered=_n_filtered(order, drawn),
            updated_at_s=now,
            marks=marks,
        )
        if tuning.zero_latency and stuck is None and self._all_rendered(task):
            self._finish(task, task.planned)
        else:
            self.ledger.save(task)
            self._start(task)
        return task

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds of the tasks; looked at after each change of one."""
        while not holds():
            changed = asyncio.Event()
            self._watchers.append(changed)
            await changed.wait()

    def submitted_again(self, task: Task) -> None:
        """Count another submit that named the same client reference."""
        task.n_submissions += 1
        self.ledger.save(task)

    def finish(self, task: Task, ending: State) -> None:
        """End an open task by hand, e.g. a stuck one that succeeds late."""
        task.planned, task.stuck_until_s, task.due_at_s = ending, None, self.clock()
        self.ledger.save(task)
        self._wake(task)

    def cancel(self, task: Task) -> None:
        """End an open task as the client asks: free while it waits, at its price once the work has begun."""
        price = task.order.price_usd_micros if task.state is State.RUNNING else 0
        self._end(task, State.CANCELLED, billed_usd_micros=price)
        self._wake(task)

    def delete(self, task: Task) -> None:
        """Show a task no more; what it does and costs stays as it is."""
        task.deleted = True
        self.ledger.save(task)

    def forget_all(self) -> None:
        """Drop every task; what still runs finds nothing to end."""
        self.ledger.reset()
        for wakeup in self._wakeups.values():
            wakeup.set()
        self.look_again()

    def look_again(self) -> None:
        """Let everybody who waits for something of the tasks look again."""
        for watcher in self._watchers:
            watcher.set()
        self._watchers.clear()

    def is_full(self, vendor: str, account: str) -> bool:
        """Whether the account has as many tasks in flight as it may."""
        limit = self.tuning.max_parallel.get(vendor, 0)
        return limit > 0 and self.ledger.n_open(vendor, account) >= limit

    def is_throttled(self, task: Task) -> bool:
        """Whether a queued task waits for earlier ones of its account to end."""
        limit = self.tuning.max_parallel.get(task.order.vendor, 0)
        if limit == 0 or task.state is not State.QUEUED or not task.order.waits_its_turn:
            return False
        return self.ledger.n_open_before(task) >= limit

    def is_expired(self, task: Task) -> bool:
        """Whether the vendor has deleted the task's files."""
        age_s = self.clock() - (task.ended_at_s or task.submitted_at_s)
        return age_s > self.tuning.retention_s.get(task.order.vendor, math.inf)

    @property
    def _has_small_clips(self) -> bool:
        return self.tuning.zero_latency or self.tuning.small_clips

    def _plan(self, order: Order, marks: tuple[str, ...]) -> dict[str, Fault]:
        drawn = [
            fault
            for moment in ("accept", "completion")
            for fault in self.faults.draw(moment, vendor=order.vendor, subject=order.prompt, marks=marks)
        ]
        return {fault.kind: fault for fault in drawn}

    def _latency_s(self, order: Order, nth: int, drawn: dict[str, Fault]) -> float:
        latency = self.tuning.latency.get(order.vendor, Latency(median_s=60.0, p95_s=180.0))
        spread = math.log(latency.p95_s / latency.median_s) / P95_Z if latency.median_s > 0 else 0.0
        luck = chance(self.tuning.seed, "latency", order.vendor, order.model, order.prompt, nth)
        deviation = NormalDist().inv_cdf(min(max(luck, 0.01), 0.99))
        slow = drawn["slow"].factor if "slow" in drawn else 1.0
        return latency.median_s * math.exp(spread * deviation) * slow / self.tuning.time_compression

    def _clips(self, order: Order, nth: int, drawn: dict[str, Fault]) -> tuple[ClipSpec, ...]:
        width, height = order.size_px
        if self._has_small_clips:
            is_wide = width >= height
            return tuple(small_clip(order.duration_s, is_wide=is_wide, seed=n) for n in range(order.n_clips))
        seed = order.seed
        if seed is None:
            luck = chance(self.tuning.seed, "seed", order.vendor, order.model, order.prompt, nth)
            seed = int(luck * 2**31)
        flaw = drawn.get("defect")
        defects = (Defect(kind=flaw.defect, strength=flaw.strength),) if flaw is not None else ()
        return tuple(
            ClipSpec(
                prompt=seen_in(order),
                duration_s=order.duration_s,
                size_px=order.size_px,
                seed=(seed + sample) % 2**31,
                audio=order.audio,
                defects=defects,
                quality="final" if order.premium else "draft",
                first_frame=None if _is_url(order.first_frame) else order.first_frame,
                last_frame=None if _is_url(order.last_frame) else order.last_frame,
            )
            for sample in range(order.n_clips)
        )

    def _all_rendered(self, task: Task) -> bool:
        return all(self.media.peek(clip) is not None for clip in task.clips)

    def _start(self, task: Task) -> None:
        self._wakeups[task.order.vendor, task.id] = asyncio.Event()
        self.background.start(self._live(task))

    async def _live(self, task: Task) -> None:
        key = (task.order.vendor, task.id)
        wakeup = self._wakeups[key]
        try:
            await self._take_turn(task, wakeup)
            await self._wait(wakeup, until_s=task.starts_at_s)
            if task.state is State.QUEUED and self._is_known(task):
                self._change(task, State.RUNNING)
            await self._fetch_frames(task)
            await self._render(task)
            await self._wait(wakeup, until_s=max(task.due_at_s, task.stuck_until_s or 0.0))
            await self._render(task)
            if self._is_known(task):
                self._finish(task, task.planned)
        finally:
            self._wakeups.pop(key, None)

    async def _take_turn(self, task: Task, wakeup: asyncio.Event) -> None:
        if not self.is_throttled(task):
            return
        await self.until(lambda: wakeup.is_set() or not self.is_throttled(task))
        waited_s = self.clock() - task.submitted_at_s
        task.starts_at_s += waited_s
        task.due_at_s += waited_s
        self.ledger.save(task)

    async def _render(self, task: Task) -> None:
        # Before the vendor's own time passes, and again after it, should the ending have been changed by hand.
        if task.planned is not State.SUCCEEDED or task.state in ENDED:
            return
        try:
            for clip in task.clips:
                await self.media.clip(clip, anchors=self._anchors(clip) if clip.first_frame else ())
        except UnreadablePicture:
            task.planned, task.message = State.FAILED, NO_IMAGE

    async def _fetch_frames(self, task: Task) -> None:
        order = task.order
        urls = {"first_frame": order.first_frame, "last_frame": order.last_frame}
        wanted = {place: url for place, url in urls.items() if url is not None and _is_url(url)}
        for place, url in wanted.items():
            picture = await self._fetch_image(url)
            if picture is None:
                task.planned, task.message = State.FAILED, NO_IMAGE
            elif not self._has_small_clips:
                frame = {place: self.media.keep_picture(picture)}
                task.clips = tuple(msgspec.structs.replace(clip, **frame) for clip in task.clips)
        if wanted:
            self.ledger.save(task)

    def _anchors(self, wanted: ClipSpec) -> tuple[ClipSpec, ...]:
        is_wide = wanted.size_px[0] >= wanted.size_px[1]
        clips = [clip for task in self.ledger.tasks() if task.state is State.SUCCEEDED for clip in task.clips]
        return tuple(clip for clip in clips if (clip.size_px[0] >= clip.size_px[1]) == is_wide)[-N_ANCHORS:]

    async def _wait(self, wakeup: asyncio.Event, *, until_s: float) -> None:
        left_s = until_s - self.clock()
        if left_s <= 0 or wakeup.is_set():
            return
        try:
            await asyncio.wait_for(wakeup.wait(), left_s)
        except TimeoutError:
            return

    def _is_known(self, task: Task) -> bool:
        return self.ledger.get(task.order.vendor, task.id) is task

    def _finish(self, task: Task, ending: State) -> None:
        order = task.order
        # Failed work is billed by no vendor, filtered work by some.
        price = order.price_usd_micros * task.n_shown // order.n_clips
        bills = {State.SUCCEEDED: price, State.FILTERED: order.filtered_price_usd_micros}
        self._end(task, ending, billed_usd_micros=bills.get(ending, 0))

    def _end(self, task: Task, ending: State, *, billed_usd_micros: int) -> None:
        if task.state in ENDED:
            return
        task.billed_usd_micros = billed_usd_micros
        task.ended_at_s = self.clock()
        self._change(task, ending)

    def _change(self, task: Task, state: State) -> None:
        if task.state in ENDED:
            return
        task.state = state
        task.updated_at_s = self.clock()
        self.ledger.save(task)
        self._announce(task, self.background)
        self.look_again()

    def _wake(self, task: Task) -> None:
        if (wakeup := self._wakeups.get((task.order.vendor, task.id))) is not None:
            wakeup.set()
        self.look_again()


def seen_in(order: Order) -> str:
    """Say what a camera would see: the prompt without markers, and the move that was asked for apart."""
    prompt = without_marks(order.prompt)
    return f"{prompt.rstrip('.')}. Camera: {order.camera}." if order.camera else prompt


def _no_door(seconds: float) -> None:
    """Without a listening socket nothing can be refused."""
    del seconds


def small_clip(duration_s: float, *, is_wide: bool = True, seed: int = 0) -> ClipSpec:
    """Describe the clip that stands for all others when rendering would only be in the way."""
    return ClipSpec(prompt=SMALL_PROMPT, duration_s=duration_s, size_px=SMALL_SIZES_PX[is_wide], seed=seed)


def _n_filtered(order: Order, drawn: dict[str, Fault]) -> int:
    """Count the clips of a request that moderation keeps back while it lets others through."""
    refused = drawn.get("refused_at_completion")
    n = 0 if refused is None else refused.samples or 0
    return n if n < order.n_clips else 0


def _ending(order: Order, drawn: dict[str, Fault]) -> State:
    if _n_filtered(order, drawn):
        return State.SUCCEEDED
    return next((ending for kind, ending in ENDINGS.items() if kind in drawn), State.SUCCEEDED)


def _is_url(frame: str | None) -> bool:
    return frame is not None and frame.startswith(("http://", "https://"))


def describe(task: Task) -> dict[str, object]:
    """Show a task as a ledger entry."""
    fields = msgspec.to_builtins(task)
    order = fields.pop("order")
    return {**order, **fields}
