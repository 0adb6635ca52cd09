"""What the vendors are really like: hidden from all deciders but the oracle. Pure; every outcome follows from seeds."""

import hashlib
import math
import random
from dataclasses import dataclass
from typing import NamedTuple

from dailies_contracts import FailureKind
from runtime.catalog import Catalog, Listing

SCATTER = (0.07, 0.17)  # of one model's scores from clip to clip
CARRY = {"exact": 0.95, "anchored": 0.55, "fresh": 0.15}  # how much of a draft's luck its final really keeps
CLASS_SCATTER = 0.07  # how much a model's quality differs between classes of prompts
CATALOG_ERROR = 0.05  # how far the catalogue's own figure is from the truth
BILLS_REFUSALS = frozenset({"runway"})
LOWEST, HIGHEST = 0.02, 0.99


class Model(NamedTuple):
    """Names a model at a vendor."""

    provider: str
    model: str


class Outage(NamedTuple):
    """A vendor answers nothing for a while, in seconds of the simulation."""

    provider: str
    start_s: float
    end_s: float


class Drop(NamedTuple):
    """A vendor's clips get worse for good."""

    provider: str
    at_s: float
    by: float


class Outcome(NamedTuple):
    """What becomes of one clip.

    Attributes:
        failure: Its kind; empty where the clip comes.
        after_s: From the submission to the end.
        charged: The vendor bills it.
        settled_after_s: A lost answer is found out so long after the clip was given up.
    """

    failure: FailureKind | None
    after_s: float
    charged: bool
    settled_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """What one model is really like.

    Attributes:
        quality: Mean score over all classes.
        by_class: What each class adds.
        scatter: Of its scores from clip to clip, as a standard deviation.
        failing: Share of clips that fail at the vendor.
        refusing: Share of prompts that it refuses, by class.
        losing: Share of submissions whose answer is lost.
        median_s: Time to a clip.
    """

    quality: float
    by_class: dict[str, float]
    scatter: float
    failing: float
    refusing: dict[str, float]
    losing: float
    median_s: float


@dataclass(slots=True)
class Truth:
    """The hidden market of one seed."""

    seed: int
    natures: dict[Model, Nature]
    outages: tuple[Outage, ...] = ()
    drops: tuple[Drop, ...] = ()

    def quality(self, model: Model, prompt_class: str, at_s: float) -> float:
        """Give the mean score of a model's next clip."""
        nature = self.natures[model]
        drop = sum(each.by for each in self.drops if each.provider == model.provider and at_s >= each.at_s)
        return _clipped(nature.quality + nature.by_class[prompt_class] - drop)

    def refusal(self, model: Model, prompt_class: str) -> float:
        """Give the probability that a model refuses a prompt."""
        return self.natures[model].refusing[prompt_class]

    def outcome(self, model: Model, prompt_class: str, *, name: str, at_s: float) -> Outcome:
        """Draw what becomes of a clip; `name` says which luck it has.

        Two deciders that order a clip of the same name from the same model have the same luck.
        """
        nature, draw = self.natures[model], self._luck(name, model)
        if any(each.start_s <= at_s < each.end_s for each in self.outages if each.provider == model.provider):
            return Outcome("unavailable", 1.0, charged=False)
        if draw.random() < nature.refusing[prompt_class]:
            return Outcome("refused", 8.0, charged=model.provider in BILLS_REFUSALS)
        after_s = nature.median_s * math.exp(draw.gauss(0, 0.35))
        if draw.random() < nature.failing:
            return Outcome("unavailable", after_s, charged=False)
        if draw.random() < nature.losing:
            return Outcome("outcome_unknown", 60.0, draw.random() < 0.5, settled_after_s=600.0)
        return Outcome(None, after_s, charged=True)

    def score(
        self, model: Model, prompt_class: str, *, name: str, at_s: float, draft_luck: float = 0.0, carry: float = 0.0
    ) -> float:
        """Draw a clip's score.

        Args:
            model: What rendered it.
            prompt_class: What it shows.
            name: Which luck it has.
            at_s: When.
            draft_luck: How much better than its model's mean the draft was that it carries over.
            carry: How much of that it keeps; the rest is luck of its own, so that the scatter stays the same.
        """
        own = self.natures[model].scatter * math.sqrt(1 - carry * carry) * self._luck(name, model, "score").gauss(0, 1)
        return round(_clipped(self.quality(model, prompt_class, at_s) + carry * draft_luck + own), 4)

    def _luck(self, *parts: object) -> random.Random:
        digest = hashlib.sha256(repr((self.seed, *parts)).encode()).digest()
        return random.Random(digest)


def make_truth(seed: int, catalog: Catalog, classes: list[str], *, outages: tuple[Outage, ...] = ()) -> Truth:
    """Make a market: around the catalogue's figures, which are wrong by a little everywhere and by more in places."""
    draw = random.Random(f"truth {seed}")
    natures = {}
    for listing in catalog.listings():
        model = Model(listing.provider.name, listing.model.name)
        scatter = random.Random(f"scatter {seed} {model}").uniform(*SCATTER)
        natures[model] = _nature(listing, classes, draw, scatter=scatter)
    return Truth(seed=seed, natures=natures, outages=outages)


def _nature(listing: Listing, classes: list[str], draw: random.Random, *, scatter: float) -> Nature:
    return Nature(
        quality=listing.model.quality + draw.gauss(0, CATALOG_ERROR),
        by_class={each: draw.gauss(0, CLASS_SCATTER) for each in classes},
        scatter=scatter,
        failing=draw.uniform(0.005, 0.05),
        refusing={each: draw.choice((0.0, 0.01, 0.01, 0.02, 0.12)) for each in classes},
        losing=0.003,
        median_s=listing.model.latency_s * draw.uniform(0.7, 1.5),
    )


def _clipped(score: float) -> float:
    return min(HIGHEST, max(LOWEST, score))
