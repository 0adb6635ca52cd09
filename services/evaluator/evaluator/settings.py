"""Settings of the evaluator."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict
from runtime.settings import S3Settings, ServiceSettings

from evaluator.adapters.weights import TINY_MODEL
from evaluator.domain.aggregate import WEIGHTS


class Settings(S3Settings, ServiceSettings):
    """Environment prefix `EVALUATOR_`."""

    model_config = SettingsConfigDict(env_prefix="EVALUATOR_", frozen=True, extra="ignore", protected_namespaces=())

    engine: Literal["onnx", "open_clip", "constant"] = Field(
        "onnx",
        description="What measures alignment: `onnx` needs no torch, `open_clip` is for GPU nodes (install the extra "
        "`torch`); `constant` looks at nothing and is for benchmarks only.",
    )
    model_folder: Path = Field(TINY_MODEL, description="Folder of the small CLIP (ONNX towers, vocabulary, digests).")
    open_clip_architecture: str = Field("ViT-B-32-quickgelu", description="open_clip's name of the architecture.")
    open_clip_weights: Path | None = Field(
        None, description="safetensors file of that architecture; unset: the model folder's own weights."
    )
    open_clip_sha256: str = Field("", description="Expected digest of the weights; required with them.")
    open_clip_calibration: Path | None = Field(
        None, description='JSON {"id", "model_id", "slope", "offset"} fitted for the weights; required with them.'
    )
    device: str = Field("cpu", description="torch device of open_clip, for example `cuda:0`.")
    precision: Literal["fp32", "bf16", "fp16"] = Field("fp32", description="Precision of open_clip's weights.")
    batch_frames: int = Field(
        0,
        ge=0,
        le=1024,
        description="Pictures of several clips in one run of the CLIP; 0: each clip by itself, as "
        "is best on a CPU. 64 and more fill a GPU.",
    )
    batch_wait_ms: float = Field(10.0, ge=0, le=1_000, description="How long a run waits to be filled.")
    preprocessing: Literal["area", "reference"] = Field(
        "area", description="From frame to CLIP input: OpenCV's area averaging, or open_clip's own slower path."
    )
    features: Literal["embeddings", "torchvision", "i3d"] = Field(
        "embeddings",
        description="What `evaluator fvd` compares clips by: the alignment model's embeddings, a video model of "
        "torchvision, or I3D as TorchScript (only that one is FVD as the literature has it).",
    )
    features_architecture: str = Field("r2plus1d_18", description="torchvision's name of the video model.")
    features_weights: Path | None = Field(None, description="safetensors of that model, or the TorchScript of I3D.")
    features_sha256: str = Field("", description="Expected digest of that file; required with it.")
    n_frames: int = Field(8, ge=1, le=16, description="Pictures of a clip for alignment, spread evenly.")
    weights: dict[str, float] = Field(
        dict(WEIGHTS),
        description="Of the metrics in the aggregate, as JSON; all four, their sum is 1. Other weights than the "
        "product's are named in every score.",
    )
    taste_weights: Path | None = Field(
        None, description="safetensors of an aesthetic head on the CLIP's embeddings; unset: technical quality."
    )
    taste_sha256: str = Field("", description="Expected digest of that file; required with it.")
    flow: Literal["dis", "raft_small", "raft_large"] = Field(
        "dis", description="Optical flow: OpenCV's DIS, or RAFT on a GPU (thresholds were set with DIS)."
    )
    flow_weights: Path | None = Field(None, description="safetensors of RAFT; required with it.")
    flow_sha256: str = Field("", description="Expected digest of that file; required with it.")
    second_opinion: bool = Field(
        True, description="A second classifier is asked about pictures that the shipped one doubts."
    )
    safety_model: Path | None = Field(
        None, description="JSON file of an own ONNX safety model, asked beside the shipped classifier."
    )
    moderation_url: str = Field("", description="Moderation service, asked beside the classifiers.")
    moderation_key: SecretStr = Field(SecretStr(""), description="Sent to it as a bearer token.")
    moderation_timeout_s: float = Field(10.0, gt=0, description="It must answer within this.")
    n_checked: int = Field(4, ge=1, le=16, description="Of those, for safety and picture quality.")
    pass_at: float = Field(0.5, ge=0, le=1, description="Aggregate that makes a clip fit for delivery.")
    safe_below: float = Field(
        0.3, gt=0, lt=0.8, description="Probability of sexual content that still passes, where it lasts."
    )
    max_clip_bytes: int = Field(512 * 1024 * 1024, gt=0, description="Larger files are refused.")
    max_duration_s: float = Field(65.0, gt=0, description="Longer clips are refused.")
    max_frame_px: int = Field(4096 * 2304, gt=0, description="Clips with more pixels a frame are refused.")
    max_frames: int = Field(4_000, gt=1, description="Clips with more frames are refused.")
    max_decode_s: float = Field(120.0, gt=0, description="Clips that take longer to decode are refused.")
    decode_workers: int = Field(2, ge=1, le=64, description="Clips decoded at once, one core each.")
    concurrency: int = Field(8, ge=1, le=256, description="Clips in hand at once, downloads included.")
    threads_per_call: int = Field(1, ge=1, le=64, description="Threads of one model call on the CPU.")
    scoring_cost_usd_micros: int = Field(400, ge=0, description="What scoring one clip costs, charged to the job.")

    @field_validator("weights")
    @classmethod
    def _weigh_everything(cls, weights: dict[str, float]) -> dict[str, float]:
        if weights.keys() != WEIGHTS.keys() or min(weights.values()) < 0 or abs(sum(weights.values()) - 1) > 1e-9:  # noqa: PLR2004 - rounding
            raise ValueError(f"needs {', '.join(WEIGHTS)}, each at least 0, with the sum 1")
        return weights
