"""The jobs of a simulation: prompts of several classes, compiled by the compiler's own code."""

import random
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

from compiler.adapters.rule_files import load_rules
from compiler.domain.compile import Compiled, compile_request
from dailies_contracts import JobRequested, PromptCompiled, Quality, VideoRequest
from runtime.catalog import Catalog

START = datetime(2026, 9, 1, tzinfo=UTC)
PROMPTS = (
    "a red ceramic cup on a walnut desk, morning light",
    "a brass lamp on a shelf, slow dolly in",
    "a fox runs over a snowy field",
    "an old sailor laughs and lights a pipe",
    "a sports car on a mountain road, tracking shot",
    "a lighthouse on a cliff at dusk, slow pan left",
    "a chef tosses vegetables in a pan",
    "a glass bottle of perfume on black marble, orbit clockwise",
)
QUALITIES: tuple[Quality, ...] = ("draft", "standard", "standard", "premium", "premium")
TENANTS = ("acme", "blue", "coral")


class Ask(NamedTuple):
    """One job to come: when, and what for.

    Attributes:
        at_s: Since the start.
    """

    at_s: float
    requested: JobRequested
    prompt: str


def asks(seed: int, *, n: int, per_day: float) -> list[Ask]:
    """List the jobs of a seed in order of time: a Poisson stream over all prompts, qualities and tenants."""
    draw = random.Random(f"jobs {seed}")
    at_s = 0.0
    found = []
    for number in range(n):
        at_s += draw.expovariate(per_day / 86_400)
        prompt = draw.choice(PROMPTS)
        request = VideoRequest(prompt=prompt, quality=draw.choice(QUALITIES), duration_s=5, resolution="720p")
        requested = JobRequested(
            job_id=f"job_{seed}_{number}",
            tenant_id=draw.choice(TENANTS),
            occurred_at=START + timedelta(seconds=at_s),
            request=request,
        )
        found.append(Ask(at_s, requested, prompt))
    return found


class Prompts:
    """Compiles each prompt once: it is the same work for every job that asks for it."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._rules = load_rules()
        self._compiled = cache(self._compile)

    @property
    def classes(self) -> list[str]:
        """Every class of prompt that the jobs come from."""
        return sorted({self._compiled(prompt, 5).prompt_class for prompt in PROMPTS})

    def event(self, ask: JobRequested) -> PromptCompiled:
        """Give the compiler's answer to a request."""
        compiled = self._compiled(ask.request.prompt, ask.request.duration_s)
        return PromptCompiled(
            job_id=ask.job_id, tenant_id=ask.tenant_id, occurred_at=ask.occurred_at, **compiled._asdict()
        )

    def _compile(self, prompt: str, duration_s: int) -> Compiled:
        request = VideoRequest(prompt=prompt, duration_s=duration_s, resolution="720p")
        found = compile_request(request, self._catalog, self._rules)
        if not isinstance(found, Compiled):
            raise TypeError(f"{prompt!r} is refused: {found}")
        return found
