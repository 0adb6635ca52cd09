"""The reports of the command line that look at many clips: `fvd` and `agreement`."""

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from dailies_contracts import AnyEvent, ClipScored, FeedbackGiven, ReviewDecided, Scores, subject_filter
from runtime.archive import open_archive
from runtime.benchmarks import Comparison
from runtime.errors import InvalidRequest
from runtime.replay import replay

from evaluator.adapters.reference_sets import save_reference
from evaluator.benchmark import Gatherer, Vendor, compare_files, connected, gather_files, measure_vendor
from evaluator.domain.agreement import Agreement, Judgement, agreements
from evaluator.loading import decode_limits, load_features
from evaluator.settings import Settings


def run(asked: argparse.Namespace) -> int:
    """Run `fvd` or `agreement`.

    Returns:
        0.

    Raises:
        InvalidRequest: The arguments do not go together.
    """
    settings = Settings()
    return _agreement(asked, settings) if asked.command == "agreement" else _fvd(asked, settings)


def _fvd(asked: argparse.Namespace, settings: Settings) -> int:
    if asked.write_reference is not None:
        return _write_reference(asked, settings)
    if asked.reference is None:
        raise InvalidRequest("benchmark.no_reference", "Say with --reference what the clips are compared with.")
    if bool(asked.provider) == bool(asked.clips):
        raise InvalidRequest("benchmark.no_clips", "Name either clips, or a vendor with --provider.")
    if asked.publish and not asked.provider:
        raise InvalidRequest("benchmark.nothing_to_publish", "--publish needs --provider: files are nobody's.")
    if asked.clips:
        result = compare_files(asked.clips, asked.reference, settings)
        _print(result if asked.json else _in_words(result))
        return 0
    vendor = Vendor(provider=asked.provider, model=asked.model, hours=asked.hours)
    benchmark = asyncio.run(measure_vendor(vendor, asked.reference, settings, publish=asked.publish))
    _print(benchmark if asked.json else _in_words(benchmark.result))
    return 0


def _write_reference(asked: argparse.Namespace, settings: Settings) -> int:
    if not asked.clips:
        raise InvalidRequest("benchmark.no_clips", "Name the clips, or folders of them, that the reference is made of.")
    gatherer = Gatherer(load_features(settings), decode_limits(settings))
    reference = gather_files(asked.clips, gatherer)
    save_reference(asked.write_reference, reference)
    _print(f"{reference.n} clips ({gatherer.n_unreadable} unreadable) written to {asked.write_reference}.")
    return 0


def _agreement(asked: argparse.Namespace, settings: Settings) -> int:
    since = datetime.now(UTC) - timedelta(hours=asked.hours) if asked.hours else None
    found = asyncio.run(_agreements(settings, since))
    if asked.json:
        _print(found)
        return 0
    for each in found:
        _print(_row(each))
    return 0


async def _agreements(settings: Settings, since: datetime | None) -> tuple[Agreement, ...]:
    scores: dict[str, Scores] = {}
    judgements: list[Judgement] = []
    filters = tuple(subject_filter(kind) for kind in (ClipScored, FeedbackGiven, ReviewDecided))
    async with AsyncExitStack() as stack:
        connection = await connected(stack, settings)
        async for event in replay(connection, filters, since=since, archive=open_archive(settings, stack)):
            if isinstance(event, ClipScored):
                scores[event.clip_id] = event.scores
            elif (judgement := judgement_of(event)) is not None:
                judgements.append(judgement)
    return agreements(judgements, scores)


def judgement_of(event: AnyEvent) -> Judgement | None:
    """Read a person's word on a clip out of an event, None where it holds none.

    Ratings are compared within one person's job: everything else there is equal. A review has one clip a job, so a
    reviewer's approvals are compared with the same reviewer's refusals.
    """
    match event:
        case FeedbackGiven():
            group = f"rating {event.tenant_id} {event.job_id} {event.author}"
            return Judgement(group=group, clip_id=event.clip_id, value=event.rating)
        case ReviewDecided():
            group = f"review {event.tenant_id} {event.reviewer}"
            return Judgement(group=group, clip_id=event.clip_id, value=int(event.approved))
        case _:
            return None


def _row(agreement: Agreement) -> str:
    if agreement.accuracy is None:
        return f"{agreement.metric:<10} no pair of clips was judged differently by one person"
    interval = f"{agreement.low:.3f} to {agreement.high:.3f}"
    pairs = f"{agreement.n_pairs} pairs in {agreement.n_groups} groups"
    return f"{agreement.metric:<10} {agreement.accuracy:.3f} (95 %: {interval}), {pairs}"


def _in_words(result: Comparison) -> str:
    rows = [
        f"{result.metric} {result.distance:.4f} by {result.extractor}",
        f"for endless clips about {result.unlimited:.4f}" if result.unlimited is not None else "",
        f"kernel distance {result.kernel_distance:.6f}",
        f"{result.n_clips} clips against {result.n_reference}",
        "few clips: the number says more about how many there are" if "few_clips" in result.flags else "",
    ]
    return "\n".join(row for row in rows if row)


def _print(found: Any) -> None:
    text = found if isinstance(found, str) else msgspec.json.format(msgspec.json.encode(found)).decode()
    sys.stdout.write(text + "\n")
