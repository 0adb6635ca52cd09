"""From measured parts to the Scores of one clip: metrics, aggregate, flags and the reasons in words.

Last step of scoring. Everything measured is kept in `raw`, under its dotted name.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dailies_contracts import Scores

from evaluator.domain.aggregate import WEIGHTS, aggregate
from evaluator.domain.alignment import AlignmentParts, excluded_is_seen
from evaluator.domain.asked import Asked
from evaluator.domain.camera import agree_camera, is_unclear
from evaluator.domain.delivery import DeliveryParts, blemishes, unfit
from evaluator.domain.errors import InvalidClip
from evaluator.domain.identity import IdentityParts
from evaluator.domain.motion import (
    FLICKER,
    JITTER,
    LOCAL_FLICKER,
    LOCAL_RESIDUAL,
    RESIDUAL,
    REVERSAL,
    MotionParts,
    is_busy,
    is_too_still,
)
from evaluator.domain.overlay import OverlayParts
from evaluator.domain.questions import KnownWords
from evaluator.domain.safety import SAFE_AT, SafetyParts
from evaluator.domain.taste import TasteParts
from evaluator.domain.technical import TechnicalParts

SCORER_VERSION = "evaluator-5"
"""Changes with every threshold or formula: scores of different versions are not compared."""
PASS_AT = 0.5
FROZEN_AT = 0.5
STRANGER_AT = 0.2  # below this alignment the clip shows something else, however well it is made
WEAK_AT = 0.5  # a metric below this is worth a sentence
ON_COURSE = 0.5  # agreement of the camera below which it is worth one
DRIFTED_AT = 0.7  # what identity leaves of the motion score below which it is worth one


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Everything that was measured of one clip; scores in [0, 1], None where no model can tell."""

    alignment: float | None
    motion: float
    aesthetic: float | None
    safety: float
    motion_parts: MotionParts
    technical_parts: TechnicalParts
    safety_parts: SafetyParts
    alignment_parts: AlignmentParts
    known_words: KnownWords
    taste_parts: TasteParts | None = None
    asked: Asked = field(default_factory=Asked)
    identity: float | None = None
    identity_parts: IdentityParts = field(default_factory=IdentityParts)
    delivery_parts: DeliveryParts = field(default_factory=DeliveryParts)
    overlay_parts: OverlayParts = field(default_factory=OverlayParts)
    lost_word: str = ""
    clip: Mapping[str, float] = field(default_factory=dict)


def judge(
    measured: Measured,
    *,
    models: Mapping[str, str],
    pass_at: float = PASS_AT,
    weights: Mapping[str, float] = WEIGHTS,
) -> Scores:
    """Give the verdict on a clip.

    Args:
        measured: The metrics and their parts.
        models: Model id by metric.
        pass_at: Aggregate that makes a clip fit for delivery, [0, 1].
        weights: Of the metrics in the aggregate.
    """
    total = aggregate(
        alignment=measured.alignment,
        motion=measured.motion,
        aesthetic=measured.aesthetic,
        safety=measured.safety,
        weights=weights,
    )
    stranger = measured.alignment is not None and measured.alignment < STRANGER_AT
    passed = measured.safety >= SAFE_AT and total >= pass_at and not stranger and not unfit(measured.delivery_parts)
    found = [finding for finding in _findings(measured) if finding is not None]
    if measured.safety >= SAFE_AT and total < pass_at:
        found.append(("below_threshold", f"The aggregate {total:.2f} is below {pass_at:.2f}."))
    return Scores(
        alignment=measured.alignment,
        motion=measured.motion,
        aesthetic=measured.aesthetic,
        safety=measured.safety,
        aggregate=total,
        passed=passed,
        scorer_version=SCORER_VERSION,
        reasons=tuple(reason for _, reason in found) or ("Nothing stands against this clip.",),
        flags=tuple(flag for flag, _ in found),
        raw=raw_values(measured),
        models=dict(models),
    )


def judge_invalid(error: InvalidClip, *, models: Mapping[str, str]) -> Scores:
    """Give the verdict on a file that is no clip: nothing was seen, so nothing is safe and nothing passes."""
    return Scores(
        motion=0.0,
        safety=0.0,
        aggregate=0.0,
        passed=False,
        scorer_version=SCORER_VERSION,
        reasons=(f"The file cannot be judged: {error.detail or error.code}.",),
        flags=("invalid_clip", error.code),
        models=dict(models),
    )


def raw_values(measured: Measured) -> dict[str, float]:
    """Name every measured part, for example `motion.flicker`."""
    raw = {f"clip.{name}": value for name, value in measured.clip.items()}
    groups = (
        "motion_parts",
        "technical_parts",
        "safety_parts",
        "alignment_parts",
        "taste_parts",
        "identity_parts",
        "delivery_parts",
        "overlay_parts",
    )
    for group in groups:
        if (parts := getattr(measured, group)) is not None:
            raw |= _flat(group.removesuffix("_parts"), asdict(parts))
    raw["alignment.known_words"] = measured.known_words.share
    agreement = agree_camera(measured.motion_parts.camera, measured.asked.camera)
    if agreement is not None:
        raw["motion.camera_agreement"] = agreement
    return {name: round(value, 6) for name, value in raw.items()}


def _flat(prefix: str, parts: Mapping[str, Any]) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, value in parts.items():
        if isinstance(value, Mapping):
            values |= _flat(prefix, value)
        elif value is not None and not isinstance(value, str):
            values[f"{prefix}.{name}"] = float(value)
    return values


Finding = tuple[str, str] | None


def _findings(measured: Measured) -> list[Finding]:
    return [
        _unsafe(measured),
        _written_over(measured),
        *unfit(measured.delivery_parts),
        *_off_prompt(measured),
        *_against_the_order(measured),
        *_broken_motion(measured.motion_parts, measured.asked),
        _drifted(measured),
        _poor_picture(measured),
        *blemishes(measured.delivery_parts),
    ]


def _unsafe(measured: Measured) -> Finding:
    if measured.safety >= SAFE_AT:
        return None
    probability = measured.safety_parts.unsafe_lasting
    return ("unsafe", f"It looks unsafe (probability {probability:.2f}): a person should look at it.")


def _written_over(measured: Measured) -> Finding:
    if not measured.overlay_parts.n_lines:
        return None
    return ("writing", "There seems to be writing over the picture.")


def _off_prompt(measured: Measured) -> list[Finding]:
    words = ", ".join(measured.known_words.unknown[:5])
    if measured.alignment is None:
        what = f"does not know {words}" if words else "is told of nothing that can be seen"
        reason = f"Alignment was not measured: the model {what}. The other metrics decide."
        return [("out_of_vocabulary", reason)]
    found: list[Finding] = []
    if measured.alignment < WEAK_AT:
        found.append(("off_prompt", f"It hardly shows what was asked for (alignment {measured.alignment:.2f})."))
    if measured.known_words.unknown:
        found.append(("partly_out_of_vocabulary", f"Alignment leaves out words the model does not know: {words}."))
    return found


def _against_the_order(measured: Measured) -> list[Finding]:
    """Say what was asked for and is not there, or was excluded and is."""
    parts, asked = measured.alignment_parts, measured.asked
    agreement = agree_camera(measured.motion_parts.camera, asked.camera)
    checks = (
        (bool(measured.lost_word), "other_content", f"Another word fits it better than {measured.lost_word!r}."),
        (parts.beat_order < 1, "beats_out_of_order", "What should happen when is not seen in this order."),
        (excluded_is_seen(parts) > WEAK_AT, "excluded", f"It seems to show what was excluded: {parts.excluded_item}."),
        (
            agreement is not None and agreement < ON_COURSE,
            "other_camera",
            f"The camera does not do what was asked: {', then '.join(asked.camera)}.",
        ),
        (
            is_unclear(measured.motion_parts.camera, asked.camera),
            "camera_unclear",
            "The ground does not tell whether the camera circles its subject or pans after it.",
        ),
        (
            is_too_still(measured.motion_parts, asked),
            "too_still",
            "Something was asked to move and hardly anything does.",
        ),
    )
    return [(flag, reason) for holds, flag, reason in checks if holds]


def _drifted(measured: Measured) -> Finding:
    if measured.identity is None or measured.identity >= DRIFTED_AT:
        return None
    return ("identity_drift", "What is shown becomes another thing over the clip.")


def _broken_motion(parts: MotionParts, asked: Asked) -> list[Finding]:
    moments, busy = parts.interruptions, is_busy(parts)
    checks = (
        (moments.n_cuts > 0 and not asked.cuts, "cuts", f"It is cut {_times(moments.n_cuts)}."),
        (moments.n_jumps > 0, "jumps", f"Something appears, vanishes or leaps {_times(moments.n_jumps)}."),
        (moments.n_flashes > 0 and not asked.flashes, "flashes", f"The light flashes {_times(moments.n_flashes)}."),
        (
            (parts.flicker > FLICKER[0] * busy or parts.local_flicker > LOCAL_FLICKER[0] * busy) and not asked.flashes,
            "flicker",
            "The brightness flickers.",
        ),
        (
            parts.local_residual > LOCAL_RESIDUAL[0] * busy or parts.reversal > REVERSAL[0],
            "morphing",
            "Shapes change in a way that motion does not explain.",
        ),
        (parts.residual > RESIDUAL[0] * busy, "unsteady_texture", "The texture is not carried along by the motion."),
        (parts.jitter > JITTER[0], "jitter", "The whole picture jitters."),
        (
            parts.frozen > FROZEN_AT and not asked.still,
            "frozen",
            f"{parts.frozen:.0%} of the frames repeat the last.",
        ),
    )
    return [(flag, reason) for holds, flag, reason in checks if holds]


def _poor_picture(measured: Measured) -> Finding:
    if measured.aesthetic is None or measured.aesthetic >= WEAK_AT:
        return None
    if measured.taste_parts is not None:
        rating = measured.taste_parts.rating
        return ("poor_picture", f"People would hardly like the picture (rated {rating:.1f} of 10).")
    parts = measured.technical_parts
    why = f"sharpness {parts.sharpness:.2f}, noise {parts.noise:.1f}, contrast {parts.contrast:.2f}"
    return ("poor_picture", f"The picture is technically poor ({measured.aesthetic:.2f}: {why}).")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
