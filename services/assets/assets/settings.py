"""Settings of the asset store."""

from pathlib import Path
from typing import Literal

from dailies_contracts import LONGEST_RETRY_S
from pydantic import Field
from pydantic_settings import SettingsConfigDict
from runtime.settings import S3Settings, ServiceSettings


class Settings(S3Settings, ServiceSettings):
    """Environment prefix `ASSETS_`."""

    model_config = SettingsConfigDict(env_prefix="ASSETS_", frozen=True, extra="ignore")

    catalog: Path = Field(Path("deploy/catalog.toml"), description="The catalogue: its licence notes go into records.")
    draft_days: int = Field(30, ge=1, le=3_650, description="The files of a draft that is not delivered live so long.")
    hot_hours: float = Field(
        72.0,
        gt=LONGEST_RETRY_S / 3600,
        description="A job's facts leave the stream so long after its newest one; longer than any webhook is retried.",
    )
    archive_every_s: float = Field(600.0, gt=0, description="Time between two rounds of archiving.")
    slots: int = Field(2, ge=1, le=64, description="Clips derived at once, one core each.")
    concurrency: int = Field(8, ge=1, le=256, description="Clips in hand at once, downloads included.")
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"] = Field(
        "superfast", description="x264's preset for previews and crops: faster ones make larger files."
    )
    share_bytes: int = Field(2_000_000, ge=100_000, description="An animated WebP or GIF is at most so large.")
    max_clip_bytes: int = Field(512 * 1024 * 1024, gt=0, description="Larger files are refused.")
    max_duration_s: float = Field(65.0, gt=0, description="Longer clips are refused.")
    max_frame_px: int = Field(4096 * 2304, gt=0, description="Clips with more pixels a frame are refused.")
    max_frames: int = Field(4_000, gt=1, description="Clips with more frames are refused.")
    max_read_s: float = Field(120.0, gt=0, description="Clips that take longer to read and derive are refused.")
    signing_certificates: Path | None = Field(
        None, description="PEM chain that signs C2PA manifests, the signer's certificate first."
    )
    signing_key: Path | None = Field(None, description="PEM private key of that certificate (PKCS 8).")
    signing_algorithm: Literal["es256", "es384", "ps256", "ed25519"] = Field("es256", description="Of that key.")
    timestamp_url: str = Field("", description="RFC 3161 time stamping authority; empty: no time stamps.")
    trust_anchors: Path | None = Field(
        None, description="PEM roots that vendors' manifests are verified against, beside our own."
    )
    development_keys: Path | None = Field(
        None, description="Folder for a generated development key, used where no certificates are set: for one machine."
    )
