"""Clips that share a vendor request: a model that takes several samples gets its clips of one decision at once.

Each stays a clip of its own, with its hold, facts, score and charge. What is shared is the request: one submission, one
slot, one task. The last clip leads it, so that whoever sees that one in the log sees all.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from dailies_contracts import AnyEvent, ClipRequested
from msgspec.structs import replace
from runtime.catalog import Catalog

from router.domain.policy import Ranked


def together(chosen: Sequence[Ranked]) -> list[Ranked]:
    """Put the choices of one model beside each other, each model where it was chosen first."""
    first = {each.name: number for number, each in reversed(list(enumerate(chosen)))}
    return sorted(chosen, key=lambda each: first[each.name])


def shared(orders: Iterable[ClipRequested], catalog: Catalog) -> tuple[ClipRequested, ...]:
    """Let neighbours at one model share requests, as many in each as the model takes.

    Args:
        orders: Of one decision and stage, so that nothing but the seed tells two at one model apart. A follower has no
            seed: the vendor derives it from the leader's.
        catalog: Says how many samples a model takes.
    """
    found: list[ClipRequested] = []
    for (provider, model), run in groupby(orders, key=lambda each: (each.provider, each.model)):
        listing = catalog.find(provider, model)
        samples = listing.model.samples if listing else 1
        clips = list(run)
        for start in range(0, len(clips), samples):
            found.extend(_led_by_the_last(clips[start : start + samples]))
    return tuple(found)


def steps_of(decision: Iterable[AnyEvent]) -> Iterator[tuple[AnyEvent, ...]]:
    """Split a decision into what is appended at once: single events, and the clips of a request all or none."""
    step: list[AnyEvent] = []
    for event in decision:
        step.append(event)
        if not isinstance(event, ClipRequested) or event.sample_of is None:
            yield tuple(step)
            step = []


def _led_by_the_last(clips: list[ClipRequested]) -> list[ClipRequested]:
    *led, leader = clips
    if not led:
        return clips
    told = [_told(each, n_samples=len(clips)) for each in clips]
    followers = [
        replace(each, sample_of=leader.clip_id, sample=sample, seed=None) for sample, each in enumerate(told[:-1], 1)
    ]
    return [*followers, told[-1]]


def _told(order: ClipRequested, *, n_samples: int) -> ClipRequested:
    decision = order.decision
    if decision is None:
        return order
    return replace(
        order, decision=replace(decision, reason=f"{decision.reason} One request orders {n_samples} clips of it.")
    )
