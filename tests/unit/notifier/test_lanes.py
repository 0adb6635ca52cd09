"""Many deliveries at once, and no server in the way of another."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from notifier.domain.endpoints import Endpoint
from notifier.lanes import Deliver, Lanes, Places
from runtime.errors import Transient

PLACES = Places(per_lane=2, per_tenant=3, waiting_per_lane=4)


def endpoint(server: str = "a.example", *, tenant: str = "acme") -> Endpoint:
    return Endpoint(f"{tenant}-{server}", tenant, f"https://{server}/hook", ())


class Post:
    """Deliveries that last until a test lets them go."""

    def __init__(self) -> None:
        self.running: Counter[str] = Counter()
        self.seen: list[tuple[str, frozenset[str]]] = []
        self.gate = asyncio.Event()
        self._changed = asyncio.Condition()

    async def deliver(self, job_id: str, endpoint: Endpoint, facts: frozenset[str]) -> None:
        self.seen.append((job_id, facts))
        self.running[endpoint.lane] += 1
        await self._tell()
        await self.gate.wait()
        self.running[endpoint.lane] -= 1

    async def until_running(self, n: int) -> None:
        async with self._changed, asyncio.timeout(2):
            await self._changed.wait_for(lambda: self.running.total() == n)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


@asynccontextmanager
async def opened(deliver: Deliver, places: Places, *, grace_s: float) -> AsyncIterator[Lanes]:
    lanes = Lanes(deliver, places, grace_s=grace_s)
    task = asyncio.create_task(lanes.stay_open())
    await asyncio.sleep(0)
    yield lanes
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def post() -> Post:
    return Post()


async def test_a_slow_server_keeps_no_other_waiting(post: Post) -> None:
    async with opened(post.deliver, PLACES, grace_s=0.0) as lanes:
        for n in range(4):
            lanes.start(f"job_{n}", endpoint("slow.example"), fact=None)
        lanes.start("job_other", endpoint("quick.example"), fact=None)
        await post.until_running(3)
        assert post.running == {"acme slow.example/hook": 2, "acme quick.example/hook": 1}


async def test_a_tenant_has_so_many_places_and_another_tenant_its_own(post: Post) -> None:
    async with opened(post.deliver, PLACES, grace_s=0.0) as lanes:
        for server in "abcde":
            lanes.start("job_1", endpoint(f"{server}.example"), fact=None)
        lanes.start("job_2", endpoint("a.example", tenant="umbrella"), fact=None)
        await post.until_running(4)
        assert post.running["umbrella a.example/hook"] == 1


async def test_too_many_for_one_server_are_sent_away(post: Post) -> None:
    async with opened(post.deliver, PLACES, grace_s=0.0) as lanes:
        started = []
        for n in range(8):
            started.append(lanes.start(f"job_{n}", endpoint(), fact=None))
            await asyncio.sleep(0)
        assert [task is None for task in started] == [False] * 6 + [True] * 2


async def test_a_second_reason_makes_a_running_delivery_look_once_more(post: Post) -> None:
    async with opened(post.deliver, PLACES, grace_s=2.0) as lanes:
        first = lanes.start("job_1", endpoint(), fact="one")
        await post.until_running(1)
        assert lanes.start("job_1", endpoint(), fact="two") is first
        assert lanes.start("job_1", endpoint(), fact="three") is first
        post.gate.set()
    assert post.seen == [("job_1", frozenset({"one"})), ("job_1", frozenset({"one", "two", "three"}))]


async def test_a_finished_delivery_leaves_nothing_behind(post: Post) -> None:
    post.gate.set()
    async with opened(post.deliver, PLACES, grace_s=2.0) as lanes:
        task = lanes.start("job_1", endpoint(), fact=None)
        assert task is not None
        await task
        assert not lanes._errands
        assert not lanes._lanes
        assert not lanes._tenants


async def test_a_delivery_that_breaks_frees_its_place_and_tells_who_waits() -> None:
    async def broken(job_id: str, endpoint: Endpoint, facts: frozenset[str]) -> None:  # noqa: ARG001
        raise ValueError(job_id)

    async with opened(broken, PLACES, grace_s=2.0) as lanes:
        task = lanes.start("job_1", endpoint(), fact=None)
        assert task is not None
        with pytest.raises(ValueError, match="job_1"):
            await task
        assert not lanes._lanes


async def test_what_runs_at_the_end_gets_its_grace_and_is_then_cancelled(post: Post) -> None:
    async with opened(post.deliver, PLACES, grace_s=0.01) as lanes:
        task = lanes.start("job_1", endpoint(), fact=None)
        await post.until_running(1)
    assert task is not None
    assert task.cancelled()


async def test_nothing_is_taken_any_more_once_the_end_has_begun(post: Post) -> None:
    async with opened(post.deliver, PLACES, grace_s=2.0) as lanes:
        pass
    with pytest.raises(Transient):
        lanes.start("job_1", endpoint(), fact=None)
