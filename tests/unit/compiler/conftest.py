"""What the compiler's tests share: the shipped rules and catalogue, a log in memory."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from compiler.adapters.rule_files import load_rules
from compiler.domain.compile import Compiled, Refused, compile_request
from compiler.domain.parse import Parsed, parse
from compiler.domain.rules import Rules
from dailies_contracts import Event, VideoRequest, decode, encode, subject_of
from runtime.catalog import Catalog, load_catalog
from runtime.errors import ConcurrencyConflict
from runtime.log import History

CATALOG = Path(__file__).parents[3] / "deploy" / "catalog.toml"


@pytest.fixture(scope="session")
def rules() -> Rules:
    return load_rules()


@pytest.fixture(scope="session")
def every_vendor() -> Catalog:
    """The shipped catalogue."""
    return load_catalog(CATALOG)


@pytest.fixture(scope="session")
def catalog(every_vendor: Catalog) -> Catalog:
    """Two vendors of it that differ in everything, so that a further vendor changes no test of another."""
    return msgspec.structs.replace(every_vendor, provider=tuple(map(every_vendor.vendor, ("kling", "veo"))))


@pytest.fixture(scope="session")
def compiled(rules: Rules, catalog: Catalog) -> Callable[..., Compiled]:
    def compile_it(prompt: str = "", **fields: object) -> Compiled:
        result = compile_request(VideoRequest(prompt=prompt, **fields), catalog, rules)
        assert isinstance(result, Compiled), result
        return result

    return compile_it


@pytest.fixture(scope="session")
def refused(rules: Rules, catalog: Catalog) -> Callable[..., Refused]:
    def refuse_it(prompt: str = "", **fields: object) -> Refused:
        result = compile_request(VideoRequest(prompt=prompt, **fields), catalog, rules)
        assert isinstance(result, Refused), result
        return result

    return refuse_it


@pytest.fixture(scope="session")
def read(rules: Rules) -> Callable[..., Parsed]:
    def parse_it(prompt: str, *, duration_s: int = 5) -> Parsed:
        return parse(prompt, rules.vocabulary, duration_s=duration_s)

    return parse_it


class MemoryLog:
    """Write-once subjects and expected sequences, as the real log has them."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def append_fact(self, event: Event) -> bool:
        if any(subject_of(past) == subject_of(event) for past in self.events):
            return False
        self.events.append(decode(encode(event)))
        return True

    async def append(self, job_id: str, events: Sequence[Event], *, expected_sequence: int) -> None:
        if (await self.history(job_id)).last_sequence != expected_sequence:
            raise ConcurrencyConflict("job.changed", job_id)
        self.events.extend(decode(encode(event)) for event in events)

    async def history(self, job_id: str) -> History:
        found = [(index, event) for index, event in enumerate(self.events, start=1) if event.job_id == job_id]
        return History(tuple(event for _, event in found), found[-1][0] if found else 0)


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()
