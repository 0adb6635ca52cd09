"""Load and warm up what the settings name: used by the service and by the command line."""

from collections.abc import Callable

import cv2
import httpx
import numpy as np
from runtime.errors import InvalidRequest

from evaluator.adapters.batching import BatchedEngine
from evaluator.adapters.clip_features import ClipEmbeddings, I3dTorchScript, TorchvisionVideo
from evaluator.adapters.decode import DecodeLimits
from evaluator.adapters.nsfwjs import NsfwJs, SecondOpinion
from evaluator.adapters.onnx_clip import OnnxClip
from evaluator.adapters.open_clip import OpenClip, OpenClipWeights, tiny_weights
from evaluator.adapters.open_nsfw import SURE_BELOW, OpenNsfw
from evaluator.adapters.raft import Raft
from evaluator.adapters.safety_models import OnnxSafety, RemoteModeration, StrictestOf
from evaluator.adapters.taste_head import load_taste_head
from evaluator.adapters.weights import read_calibration, read_json
from evaluator.domain.flow import Dis, FlowEngine
from evaluator.domain.motion import measure_motion
from evaluator.domain.taste import TasteHead
from evaluator.domain.technical import measure_technical
from evaluator.ports import AlignmentEngine, BatchableEngine, ClipFeatures, SafetyEngine
from evaluator.scoring import Policy, Scorer
from evaluator.settings import Settings


def load_scorer(settings: Settings) -> Scorer:
    """Load the models once, and run each once, so that the first clip is not the slow one.

    Raises:
        Permanent: A model is missing or not the expected one.
        InvalidRequest: The settings do not name a model.
    """
    # OpenCV's flow depends on how its threads split the picture: one thread, the same numbers everywhere.
    cv2.setNumThreads(1)
    alignment = load_alignment(settings)
    safety, taste, flow = load_safety(settings), _load_taste(settings, alignment), _load_flow(settings)
    _warm_up(alignment, safety, flow)
    return Scorer(
        alignment=alignment,
        safety=safety,
        limits=decode_limits(settings),
        policy=Policy(
            n_frames=settings.n_frames,
            n_checked=settings.n_checked,
            pass_at=settings.pass_at,
            safe_below=settings.safe_below,
            weights=settings.weights,
        ),
        taste=taste,
        flow=flow,
    )


def decode_limits(settings: Settings) -> DecodeLimits:
    """Give what a file may cost."""
    return DecodeLimits(
        size_bytes=settings.max_clip_bytes,
        duration_s=settings.max_duration_s,
        frame_px=settings.max_frame_px,
        n_frames=settings.max_frames,
        wall_s=settings.max_decode_s,
    )


def load_features(settings: Settings) -> ClipFeatures:
    """Load what sets of clips are compared by.

    Raises:
        Permanent: A model is missing or not the expected one.
        InvalidRequest: The settings do not name it whole.
    """
    if settings.features == "embeddings":
        return ClipEmbeddings(load_alignment(settings))
    if settings.features_weights is None or not settings.features_sha256:
        raise InvalidRequest(
            "evaluator.incomplete_model",
            f"EVALUATOR_FEATURES={settings.features} needs EVALUATOR_FEATURES_WEIGHTS and EVALUATOR_FEATURES_SHA256.",
        )
    path, sha256, device = settings.features_weights, settings.features_sha256, settings.device
    if settings.features == "i3d":
        return I3dTorchScript(path, sha256=sha256, device=device)
    return TorchvisionVideo(settings.features_architecture, path, sha256=sha256, device=device)


def load_alignment(settings: Settings) -> AlignmentEngine:
    """Load the alignment model that the settings name, sharing its runs between clips where they say so.

    Raises:
        Permanent: It is missing or not the expected one.
        InvalidRequest: The settings do not name one.
    """
    engine = _load_engine(settings)
    if settings.batch_frames == 0:
        return engine
    return BatchedEngine(engine, size=settings.batch_frames, wait_s=settings.batch_wait_ms / 1000)


def _load_engine(settings: Settings) -> BatchableEngine:
    if settings.engine == "constant":
        raise InvalidRequest("evaluator.no_engine", "The constant scorer loads no model: set EVALUATOR_ENGINE=onnx.")
    if settings.engine == "onnx":
        return OnnxClip(
            settings.model_folder, n_threads=settings.threads_per_call, preprocessing=settings.preprocessing
        )
    return OpenClip(
        _open_clip_weights(settings),
        device=settings.device,
        precision=settings.precision,
        n_threads=settings.threads_per_call,
        preprocessing=settings.preprocessing,
    )


def _open_clip_weights(settings: Settings) -> OpenClipWeights:
    if settings.open_clip_weights is None:
        return tiny_weights(settings.model_folder)
    if not settings.open_clip_sha256 or settings.open_clip_calibration is None:
        raise InvalidRequest(
            "evaluator.incomplete_model",
            "EVALUATOR_OPEN_CLIP_WEIGHTS needs EVALUATOR_OPEN_CLIP_SHA256 and EVALUATOR_OPEN_CLIP_CALIBRATION.",
        )
    return OpenClipWeights(
        architecture=settings.open_clip_architecture,
        path=settings.open_clip_weights,
        sha256=settings.open_clip_sha256,
        calibration=read_calibration(settings.open_clip_calibration),
        model_id=str(read_json(settings.open_clip_calibration).get("model_id", settings.open_clip_architecture)),
    )


def load_safety(settings: Settings) -> SafetyEngine:
    """Load every judge of safety that the settings name; the strictest decides.

    Raises:
        Permanent: A model is missing or not the expected one.
    """
    # Whoever lets less pass has the quick look decide less.
    sure_below = min(SURE_BELOW, settings.safe_below / 10)
    shipped: SafetyEngine = OpenNsfw(n_threads=settings.threads_per_call, sure_below=sure_below)
    if settings.second_opinion:
        second = NsfwJs(n_threads=settings.threads_per_call)
        shipped = SecondOpinion(shipped, second, safe_below=settings.safe_below)
    engines = [shipped]
    if settings.safety_model is not None:
        engines.append(OnnxSafety(settings.safety_model, n_threads=settings.threads_per_call))
    if settings.moderation_url:
        key = settings.moderation_key.get_secret_value()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        client = httpx.Client(timeout=settings.moderation_timeout_s, headers=headers, trust_env=False)
        engines.append(RemoteModeration(settings.moderation_url, client))
    return engines[0] if len(engines) == 1 else StrictestOf(engines)


def _load_taste(settings: Settings, alignment: AlignmentEngine) -> TasteHead | None:
    if settings.taste_weights is None:
        return None
    n_features = alignment.embed_text("a picture").shape[0]
    return load_taste_head(settings.taste_weights, sha256=settings.taste_sha256, n_features=n_features)


def _load_flow(settings: Settings) -> Callable[[], FlowEngine]:
    if settings.flow == "dis":
        return Dis
    if settings.flow_weights is None:
        raise InvalidRequest(
            "evaluator.incomplete_model", f"EVALUATOR_FLOW={settings.flow} needs EVALUATOR_FLOW_WEIGHTS."
        )
    raft = Raft(settings.flow, settings.flow_weights, sha256=settings.flow_sha256, device=settings.device)
    return lambda: raft


def _warm_up(alignment: AlignmentEngine, safety: SafetyEngine, flow: Callable[[], FlowEngine]) -> None:
    ramp = np.linspace(0, 255, 180 * 320, dtype=np.uint8).reshape(180, 320)
    frame = np.dstack([ramp] * 3)
    alignment.embed_images([frame] * 8)
    alignment.embed_text("a red ball")
    safety.unsafe([frame])
    measure_motion(np.stack([ramp, ramp, ramp]), flow())
    measure_technical([frame])
