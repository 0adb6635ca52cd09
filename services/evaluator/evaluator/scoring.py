"""One clip, scored: the composition of one decode, the metrics and the models. Start reading the evaluator here.

Two stages, so that the decode of the next clips overlaps the models: `look` needs a CPU alone, `judge` the models.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dailies_contracts import Ask, Scores

from evaluator.adapters.decode import DecodedClip, DecodeLimits, decode_clip
from evaluator.domain.aggregate import WEIGHTS
from evaluator.domain.alignment import contrast_is_lost, fold_alignment, score_alignment
from evaluator.domain.arrays import RgbFrame
from evaluator.domain.asked import Asked, read_ask
from evaluator.domain.bands import SAFE_BELOW
from evaluator.domain.delivery import FileFacts, black_share, measure_delivery
from evaluator.domain.errors import InvalidClip
from evaluator.domain.flow import Dis, FlowEngine
from evaluator.domain.identity import measure_identity, score_identity
from evaluator.domain.motion import CALIBRATION, MotionParts, measure_motion, score_motion, shows_other_parts
from evaluator.domain.overlay import OverlayParts, find_overlay
from evaluator.domain.questions import pose_questions
from evaluator.domain.safety import calibration_id, fold_safety, score_safety
from evaluator.domain.sampling import lit_pictures, spread
from evaluator.domain.taste import TasteHead, score_taste
from evaluator.domain.technical import MODEL as TECHNICAL_MODEL
from evaluator.domain.technical import TechnicalParts, measure_technical, score_technical
from evaluator.domain.verdict import PASS_AT, Measured, judge, judge_invalid
from evaluator.ports import AlignmentEngine, SafetyEngine

N_COMPARED = 3  # pictures in which writing must stand in the same place


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is looked at, and what passes.

    Attributes:
        n_frames: Pictures for alignment, spread evenly over the clip.
        n_checked: Of those, for safety and picture quality, which cost more a picture and change less over a clip.
        pass_at: Aggregate that makes a clip fit for delivery, [0, 1].
        safe_below: Probability of unsafe content that still passes, in (0, 0.8).
        weights: Of the metrics in the aggregate, by name; their sum is 1.
    """

    n_frames: int = 8
    n_checked: int = 4
    pass_at: float = PASS_AT
    safe_below: float = SAFE_BELOW
    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one decode gave: the parts that need no model, and the pictures for those that do.

    Attributes:
        frames: Sampled pictures in order, and `times_s` when each is shown.
        checked: Of those, the ones for safety and picture quality.
        black: Share of frames that are black.
    """

    asked: Asked
    frames: list[RgbFrame]
    times_s: tuple[float, ...]
    checked: list[RgbFrame]
    motion: MotionParts
    technical: TechnicalParts
    file: FileFacts
    black: float
    overlay: OverlayParts
    n_frames: int


class Scorer:
    """Scores files. Deterministic: the same file, prompt and models give the same numbers.

    Args:
        alignment: The CLIP.
        safety: The classifier.
        limits: What a file may cost.
        policy: What is looked at, and what passes.
        taste: Rates the pictures, by the alignment model's embeddings; None: technical quality stands in.
        flow: Makes what measures the flow, one for each clip; None: DIS.
    """

    def __init__(
        self,
        *,
        alignment: AlignmentEngine,
        safety: SafetyEngine,
        limits: DecodeLimits | None = None,
        policy: Policy | None = None,
        taste: TasteHead | None = None,
        flow: Callable[[], FlowEngine] | None = None,
    ) -> None:
        self._alignment = alignment
        self._safety = safety
        self._limits = limits or DecodeLimits()
        self._policy = policy or Policy()
        self._taste = taste
        self._flow = flow or Dis
        self._flow_id = self._flow().id

    @property
    def models(self) -> dict[str, str]:
        """Model by metric, as every score names them."""
        weights = "/".join(f"{name} {weight:g}" for name, weight in self._policy.weights.items())
        changed = {} if self._policy.weights == WEIGHTS else {"aggregate": weights}
        return changed | {
            "alignment": self._alignment.model.label,
            "motion": f"{self._flow_id}-{CALIBRATION}",
            "aesthetic": TECHNICAL_MODEL if self._taste is None else self._taste.id,
            "safety": f"{self._safety.model_id} {calibration_id(self._policy.safe_below)}",
        }

    @property
    def limits(self) -> DecodeLimits:
        """What a file may cost."""
        return self._limits

    def score(self, path: Path, prompt: str, ask: Ask | None = None) -> Scores:
        """Score one file against a prompt; whatever is wrong with the file ends in the scores.

        Args:
            path: The file.
            prompt: What it should show.
            ask: What else was ordered; None: what the prompt says of it.
        """
        try:
            return self.judge(self.look(path, read_ask(prompt, ask)))
        except InvalidClip as err:
            return self.refuse(err)

    def look(self, path: Path, asked: Asked) -> Seen:
        """Decode a file and measure what needs no model.

        Raises:
            InvalidClip: It is not a clip that can be judged.
        """
        clip = decode_clip(path, n_sampled=self._policy.n_frames, limits=self._limits)
        checked = [clip.frames[index] for index in spread(len(clip.frames), self._policy.n_checked)]
        # Between flashes there is little to be seen: what is shown is told by the lit pictures.
        seen = lit_pictures(clip.frames) if asked.flashes else range(len(clip.frames))
        rated = [checked[index] for index in lit_pictures(checked)] if asked.flashes else checked
        return Seen(
            asked=asked,
            frames=[clip.frames[index] for index in seen],
            times_s=tuple(clip.times_s[index] for index in seen),
            checked=checked,
            motion=measure_motion(clip.luma, self._flow(), flashes=asked.flashes),
            technical=measure_technical(rated),
            file=_facts(clip),
            black=black_share(clip.luma),
            overlay=find_overlay([checked[index] for index in spread(len(checked), N_COMPARED)]),
            n_frames=clip.n_frames,
        )

    def judge(self, seen: Seen) -> Scores:
        """Ask the models, and give the verdict."""
        model, asked = self._alignment.model, seen.asked
        rule = model.calibration.contrasting
        questions = pose_questions(asked, model.vocabulary, rule.rivals if rule else ())
        images = self._alignment.embed_images(seen.frames)
        answers = {text: self._alignment.embed_text(text) for text in questions.texts}
        alignment = fold_alignment(images, seen.times_s, questions, answers)
        identity_parts = measure_identity(images)
        identity = (
            None if shows_other_parts(seen.motion, asked) else score_identity(identity_parts, model.calibration.drift)
        )
        safety = fold_safety(self._safety.unsafe(seen.checked))
        taste = self._taste.rate(images) if self._taste else None
        measured = Measured(
            alignment=score_alignment(alignment, model.calibration) if questions.words.can_align else None,
            motion=score_motion(seen.motion, asked) * (1.0 if identity is None else identity),
            aesthetic=score_taste(taste) if taste else score_technical(seen.technical, speed_px=seen.motion.speed_px),
            safety=score_safety(safety, safe_below=self._policy.safe_below),
            motion_parts=seen.motion,
            technical_parts=seen.technical,
            safety_parts=safety,
            alignment_parts=alignment,
            taste_parts=taste,
            known_words=questions.words,
            asked=asked,
            identity=identity,
            identity_parts=identity_parts,
            overlay_parts=seen.overlay,
            delivery_parts=measure_delivery(seen.file, asked, black=seen.black),
            lost_word=alignment.weakest if contrast_is_lost(alignment, model.calibration) else "",
            clip=_raw_facts(seen),
        )
        return judge(measured, models=self.models, pass_at=self._policy.pass_at, weights=self._policy.weights)

    def refuse(self, error: InvalidClip) -> Scores:
        """Give the verdict on a file that is no clip."""
        return judge_invalid(error, models=self.models)


def _facts(clip: DecodedClip) -> FileFacts:
    return FileFacts(
        width_px=clip.width_px,
        height_px=clip.height_px,
        fps=clip.fps,
        duration_s=clip.duration_s,
        codec=clip.codec,
        has_audio=clip.has_audio,
        corrupt=clip.corrupt,
    )


def _raw_facts(seen: Seen) -> dict[str, float]:
    numbers = {name: float(value) for name, value in asdict(seen.file).items() if not isinstance(value, str)}
    return numbers | {"n_frames": float(seen.n_frames)}
