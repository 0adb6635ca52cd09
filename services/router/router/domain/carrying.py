"""What a final carries over from the draft that was promoted: how, and how lucky the draft is. Pure."""

import math
from typing import NamedTuple

from dailies_contracts import CompiledPrompt, PromotionClass
from runtime.catalog import Listing
from runtime.routing_policy import Policy

from router.domain.context import Context
from router.domain.state import Clip, Drafting


class Carried(NamedTuple):
    """A draft that a final may start from.

    Attributes:
        draft: None where there is none.
        luck: How much better it is thought to have come out than its model usually does: a part of what it scored
            beyond expectation, because the expectation may have been wrong.
        luck_sd: How sure that is.
        is_bad: It came out worse than what is not known of its model explains: better started anew.
    """

    draft: Clip | None = None
    luck: float = 0.0
    luck_sd: float = 0.0
    is_bad: bool = False

    def lift(self, how: PromotionClass, policy: Policy) -> float:
        """Give how much better a final is expected to be for it."""
        return max(0.0, self.luck) * float(getattr(policy.carry, how))

    def doubt_sd(self, how: PromotionClass, policy: Policy) -> float:
        """Say how sure that is."""
        return self.luck_sd * float(getattr(policy.carry, how))


def carried(draft: Clip | None, state: Drafting, context: Context) -> Carried:
    """Hold a draft against what its model usually gives."""
    listing = context.catalog.find(draft.provider, draft.model) if draft else None
    if draft is None or listing is None:
        return Carried(draft)
    belief = context.belief_of(listing, "draft", state.compiled.prompt_class)
    beyond = draft.score - belief.quality
    share = belief.scatter**2 / (belief.scatter**2 + belief.sd**2)
    return Carried(draft, share * beyond, math.sqrt(1 - share) * belief.scatter, is_bad=beyond < -belief.sd)


def promotion_class_of(prompt: CompiledPrompt, listing: Listing, state: Drafting, over: Carried) -> PromotionClass:
    """Say how a final at a model would carry a draft over.

    Bad luck is not carried over, nor does a draft's frame take the place of references that the model is to show.
    """
    draft = over.draft
    if draft is None:
        return "fresh"
    if draft.model in listing.model.finishes and draft.provider == prompt.provider:
        return "exact"
    failed = [clip for clip in state.clips.values() if clip.is_anchored and clip.provider == prompt.provider]
    is_refused = any(clip.failure and clip.failure.kind == "invalid_request" for clip in failed)
    takes_frame = listing.model.first_frame and not prompt.references
    can_anchor = takes_frame and draft.first_frame is not None and not is_refused
    return "anchored" if can_anchor and not over.is_bad else "fresh"
