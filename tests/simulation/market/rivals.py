"""Other ways to decide, on the same jobs and the same luck: what Dailies is compared with."""

import random
from collections.abc import Callable, Iterable
from typing import NamedTuple

from dailies_contracts import CompiledPrompt, Stage
from router.domain.policy import for_stage
from runtime.catalog import Catalog, Listing

from market.jobs import Ask, Prompts
from market.truth import CARRY, Model, Truth

N_TAKES = 3
"""As many clips as the usual plan has: two drafts and a final."""
FIXED_DRAFTS = ("kling", "runway", "veo", "luma", "pika", "minimax")
FIXED_FINALS = ("veo", "runway", "kling", "luma", "minimax", "pika")


class Result(NamedTuple):
    """What a job came to.

    Attributes:
        score: Of the delivered clip, [0, 1]; 0 where none was.
        cost_usd_micros: Of all clips and their scoring.
        latency_s: From the request to the delivery.
    """

    score: float
    cost_usd_micros: int
    latency_s: float


class Take(NamedTuple):
    """One clip that came."""

    score: float
    model: Model


class Run:
    """One job in a rival's hands: takes clips one after another and adds up what they cost."""

    def __init__(self, ask: Ask, *, truth: Truth, catalog: Catalog, prompts: Prompts) -> None:
        event = prompts.event(ask.requested)
        self.ask, self.truth, self.catalog = ask, truth, catalog
        self.prompt_class = event.prompt_class
        self.options = [(prompt, listing) for prompt in event.prompts if (listing := _listing(catalog, prompt))]
        self.cost_usd_micros = 0
        self._attempts: dict[str, int] = {}

    def tier(self, stage: Stage) -> list[tuple[CompiledPrompt, Listing]]:
        """Give the models of a stage that the job's quality allows."""
        quality = self.ask.requested.request.quality
        grades = self.catalog.policy.premium_grades if stage == "final" and quality == "premium" else None
        return [
            (prompt, listing)
            for prompt, listing in self.options
            if listing.model.tier == stage and (grades is None or listing.model.grade in grades)
        ]

    def first_of(
        self,
        order: Iterable[tuple[CompiledPrompt, Listing]],
        stage: Stage,
        *,
        start_s: float,
        draft: Take | None = None,
    ) -> tuple[Take | None, float]:
        """Ask one model after another until a clip comes; gives it, and when."""
        at_s = start_s
        for prompt, listing in order:
            take, at_s = self._ask(for_stage(prompt, listing, stage), listing, stage, at_s=at_s, draft=draft)
            if take is not None:
                return take, at_s
        return None, at_s

    def _ask(
        self, prompt: CompiledPrompt, listing: Listing, stage: Stage, *, at_s: float, draft: Take | None
    ) -> tuple[Take | None, float]:
        model = Model(prompt.provider, prompt.model)
        self._attempts[stage] = self._attempts.get(stage, 0) + 1
        name = f"{self.ask.requested.job_id} {stage} {self._attempts[stage]}"
        outcome = self.truth.outcome(model, self.prompt_class, name=name, at_s=at_s)
        price = listing.model.price_usd_micros(
            duration_s=prompt.duration_s, resolution=prompt.resolution, audio=prompt.audio
        )
        self.cost_usd_micros += price if outcome.charged else 0
        end_s = at_s + outcome.after_s
        if outcome.failure is not None:
            return None, end_s
        self.cost_usd_micros += self.catalog.policy.scoring_cost_usd_micros
        kept = {}
        if draft is not None and listing.model.first_frame:
            usual = self.truth.quality(draft.model, self.prompt_class, at_s)
            kept = {"draft_luck": draft.score - usual, "carry": CARRY["anchored"]}
        score = self.truth.score(model, self.prompt_class, name=name, at_s=end_s, **kept)
        return Take(score, model), end_s

    def result(self, takes: Iterable[tuple[Take | None, float]]) -> Result:
        """Deliver the best of some takes."""
        known = list(takes)
        score = max((take.score for take, _ in known if take is not None), default=0.0)
        return Result(score, self.cost_usd_micros, max(end_s for _, end_s in known) - self.ask.at_s)


Rival = Callable[[Run, random.Random], Result]


def takes_at_premium(n: int) -> Rival:
    """Render n takes with the best premium model of the catalogue, the next one where it fails; deliver the best."""

    def run(job: Run, draw: random.Random) -> Result:
        del draw
        finals = job.tier("final") or job.options
        order = sorted(finals, key=lambda each: -each[1].model.quality)
        return job.result(job.first_of(order, "final", start_s=job.ask.at_s) for _ in range(n))

    return run


def at_random(job: Run, draw: random.Random) -> Result:
    """Draft at two models and finish at one, all by chance."""
    return _drafted(job, lambda options: draw.sample(options, len(options)))


def in_fixed_order(job: Run, draw: random.Random) -> Result:
    """Draft and finish at the brief's default vendors, the next one where one fails."""
    del draw

    def ordered(options: list[tuple[CompiledPrompt, Listing]]) -> list[tuple[CompiledPrompt, Listing]]:
        names = FIXED_DRAFTS if options and options[0][1].model.tier == "draft" else FIXED_FINALS
        return sorted(options, key=lambda each: names.index(each[0].provider))

    return _drafted(job, ordered)


def _drafted(job: Run, ordered: Callable[[list[tuple[CompiledPrompt, Listing]]], list]) -> Result:
    drafts = ordered(job.tier("draft"))
    found = [job.first_of(drafts[n:] + drafts[:n], "draft", start_s=job.ask.at_s) for n in range(N_TAKES - 1)]
    if job.ask.requested.request.quality == "draft":
        return job.result(found)
    best = max((take for take, _ in found if take is not None), key=lambda take: take.score, default=None)
    start_s = max(end_s for _, end_s in found)
    final = job.first_of(ordered(job.tier("final")), "final", start_s=start_s, draft=best)
    return job.result([final] if final[0] is not None else [(best, final[1])])


def _listing(catalog: Catalog, prompt: CompiledPrompt) -> Listing | None:
    return catalog.find(prompt.provider, prompt.model)


RIVALS: dict[str, Rival] = {
    "all_premium": takes_at_premium(N_TAKES),
    "one_premium": takes_at_premium(1),
    "random": at_random,
    "fixed_order": in_fixed_order,
}
