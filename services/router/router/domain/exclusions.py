"""Why a vendor or a model may not be taken at all, whatever its utility: one function per reason. Pure."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from dailies_contracts import AnyEvent, ClipRequested, CompiledPrompt, FailureKind
from runtime.breakers import State, is_tried, vendor_breaker
from runtime.catalog import Listing
from runtime.failures import AFTER_FAILURE, MAX_REFUSING_VENDORS, may_bill
from runtime.routing_policy import GRADES, Grade, Policy

from router.domain.context import Context
from router.domain.state import Clip, Drafting


class Exclusion(NamedTuple):
    """Why a candidate is passed over.

    Attributes:
        kind: `limit`: a hard limit or a wish; `failed`, `refused`: what happened in this job; `resting`: the breaker.
        reason: In words.
    """

    kind: Literal["limit", "failed", "refused", "resting", "money", "late", "grade"]
    reason: str


class Words(NamedTuple):
    """What this job's failures leave of a candidate: whether it may be asked, and in which words."""

    exclusion: Exclusion | None = None
    is_rewritten: bool = False
    note: str = ""


class Rest(NamedTuple):
    """What a candidate's breaker leaves of it.

    Attributes:
        until_s: When it may be tried, seconds since 1970.
        is_try: It may be taken, and one clip is to try it.
    """

    exclusion: Exclusion | None = None
    until_s: float | None = None
    is_try: bool = False
    note: str = ""


def standing_exclusion(state: Drafting, listing: Listing, context: Context) -> Exclusion | None:
    """Say why a model may not serve this job, whatever happened so far: the catalogue, the tenant, the request."""
    request, tenant, provider = state.job.request, context.tenant, listing.provider
    name = provider.name
    plan = context.catalog.plan_named(tenant.plan)
    checks = (
        (not provider.enabled, f"{name} is switched off"),
        (listing.model.is_retired(context.now.astimezone(UTC).date()), f"{listing.model.name} is retired"),
        (request.provider not in (None, name), f"the request is pinned to {request.provider}"),
        (bool(request.allow_providers) and name not in request.allow_providers, "not among the vendors allowed"),
        (name in request.deny_providers, "the request rules this vendor out"),
        (bool(tenant.allow_providers) and name not in tenant.allow_providers, "not among the tenant's vendors"),
        (name in tenant.deny_providers, "the tenant rules this vendor out"),
        (
            bool(tenant.regions) and not set(tenant.regions) & set(provider.regions),
            f"handles what it is sent in {', '.join(provider.regions) or 'no known region'}",
        ),
        (
            plan is not None and listing.model.grade not in plan.grades,
            f"the tenant's plan does not include the {listing.model.grade} tier",
        ),
    )
    return next((Exclusion("limit", reason) for applies, reason in checks if applies), None)


def job_exclusion(state: Drafting, prompt: CompiledPrompt, policy: Policy, *, is_anchored: bool) -> Words:
    """Say what this job's failures leave of a candidate, by the table of `failures`."""
    failed = [clip for clip in state.clips.values() if clip.failure is not None and not clip.is_withdrawn]
    words = _words(failed, prompt, policy)
    if words.exclusion is not None:
        return words
    here = [clip for clip in failed if clip.provider == prompt.provider and _kind(clip) != "refused"]
    for kind, n in Counter(_kind(clip) for clip in here if _is_same_order(clip, is_anchored=is_anchored)).items():
        if n > AFTER_FAILURE[kind].same_vendor:
            return Words(Exclusion("failed", f"failed {_times(n)} in this job: {kind}"))
    if any(not AFTER_FAILURE[_kind(clip)].other_vendor for clip in failed):
        return Words(Exclusion("failed", "no other vendor may be asked after this failure"))
    return words


def vendor_exclusion(listing: Listing, context: Context) -> Rest:
    """Say whether a model is left alone for now, or is to be tried with one clip."""
    state = _breaker(listing, context)
    name = f"{listing.provider.name}.{listing.model.name}.{listing.model.tier}"
    if state.state == "closed":
        return Rest()
    why = f"left alone after {_times(state.n_failures)} {state.failure}"
    if state.state == "open":
        until = datetime.fromtimestamp(state.until_s, UTC).strftime("%H:%M:%S")
        return Rest(Exclusion("resting", f"{why}, until {until} UTC"), state.until_s)
    record = context.market.health_of(listing.provider.name, listing.model.name, listing.model.tier)
    if name in context.tried_elsewhere or is_tried(record, state, now_s=context.now_s):
        retry_s = context.now_s + context.catalog.policy.breaker.cooldown_s
        return Rest(Exclusion("resting", f"{why}; another clip is trying it"), retry_s)
    if listing.model.tier == "final" and may_bill(state.failure):
        # A final that fails like this is paid for: the customer's money is no probe. It rests until it is forgotten.
        forgotten_s = state.until_s + context.catalog.policy.breaker.max_cooldown_s
        if context.now_s < forgotten_s:
            return Rest(Exclusion("resting", f"{why}; a try could cost a final"), forgotten_s)
    return Rest(is_try=True, note=f"tried again after {_times(state.n_failures)} {state.failure}")


def tries_of(decision: Iterable[AnyEvent], context: Context) -> frozenset[str]:
    """Name the half-open models that a decision tries, as `provider.model.stage`: each takes a turn."""
    orders = [event for event in decision if isinstance(event, ClipRequested)]
    return frozenset(
        f"{order.provider}.{order.model}.{order.stage}"
        for order in orders
        if (listing := context.catalog.find(order.provider, order.model)) is not None
        and _breaker(listing, context).state != "closed"
    )


def outside_grades(prompt: CompiledPrompt, state: Drafting, context: Context) -> Exclusion | None:
    """Say why a final is not of the tier that the request's use case asks for; a pin goes before the use case."""
    request = state.job.request
    case = context.catalog.use_case_named(request.use_case)
    grades: tuple[Grade, ...] = GRADES
    if case is not None:
        grades = case.grades
    elif request.quality == "premium":
        grades = context.catalog.policy.premium_grades
    listing = context.catalog.find(prompt.provider, prompt.model)
    if listing is None or request.provider is not None or listing.model.grade in grades:
        return None
    asked = " or ".join(sorted(grades, key=GRADES.index))
    return Exclusion("grade", f"{case.name if case else 'premium'} asks for {asked}, this is {listing.model.grade}")


def _words(failed: list[Clip], prompt: CompiledPrompt, policy: Policy) -> Words:
    """Decide between the first words, the softer ones, and nothing, after refusals."""
    refused = [clip for clip in failed if _kind(clip) == "refused"]
    if not refused:
        return Words()
    first = {clip.provider for clip in refused if not clip.is_rewritten}
    softer = {clip.provider for clip in refused if clip.is_rewritten}
    me = prompt.provider
    if me not in first and len(first) < MAX_REFUSING_VENDORS:
        if policy.reroute_after_refusal:
            return Words(note="another vendor refused the prompt" if first else "")
        return Words(Exclusion("refused", "after a refusal no other vendor may be asked"))
    can_soften = bool(prompt.softer_prompt) and policy.rewrite_after_refusal
    if can_soften and me not in softer and len(softer) < MAX_REFUSING_VENDORS and (me in first or not softer):
        return Words(is_rewritten=True, note="in softer words, after a refusal")
    n = len(first)
    return Words(Exclusion("refused", "refused the prompt" if me in first else f"{n} vendors refused the prompt"))


def _breaker(listing: Listing, context: Context) -> State:
    """Say where the model's breaker stands, its vendor's account considered."""
    name = listing.provider.name
    key = (name, listing.model.name, listing.model.tier)
    own = context.market.health.get(key)  # type: ignore[call-overload]
    siblings = context.market.siblings(name)
    return vendor_breaker(own, siblings, context.catalog.policy.breaker, now_s=context.now_s)


def _is_same_order(clip: Clip, *, is_anchored: bool) -> bool:
    """An order that was invalid with a picture may be valid without one."""
    return _kind(clip) != "invalid_request" or clip.is_anchored == is_anchored


def _kind(clip: Clip) -> FailureKind:
    assert clip.failure is not None  # noqa: S101 (only failed clips come here)
    return clip.failure.kind


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"
