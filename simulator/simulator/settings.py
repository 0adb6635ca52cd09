"""What the simulator is started with (Settings) and what can be changed while it runs (Tuning).

Settings are read once in `__main__`; Tuning is patched through `POST /_control/settings`.
"""

from pathlib import Path
from typing import Literal

import msgspec
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

DAY_S = 86_400.0


class Settings(BaseSettings):
    """Start-up settings; every field may come from the environment or the command line."""

    model_config = SettingsConfigDict(env_prefix="SIMULATOR_", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8090, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    state_dir: Path | None = Field(
        default=None, description="Folder of the task log and rendered clips; without it nothing outlives the process."
    )
    kling_keys: tuple[SecretStr, ...] = Field(
        default=(SecretStr("sim-kling-key"),), description="API keys of Kling's new dialect, one account each."
    )
    kling_access_key: str = Field(default="sim-ak", description="AccessKey of Kling's legacy JWT dialect.")
    kling_secret_key: SecretStr = Field(
        default=SecretStr("sim-sk"), description="SecretKey of Kling's legacy JWT dialect."
    )
    kling_webhook_secret: SecretStr | None = Field(
        default=None, description="`whsec_…` secret; when set, Kling's callbacks are signed."
    )
    veo_keys: tuple[SecretStr, ...] = Field(
        default=(SecretStr("sim-veo-key"),),
        description="Keys of Veo: API keys in the Gemini dialect, bearer tokens in the Vertex dialect.",
    )
    render_workers: int = Field(default=1, ge=1, le=2, description="Processes that render clips.")
    zero_latency: bool = Field(default=False, description="Finish every task at once with a small clip.")
    small_clips: bool = Field(default=False, description="Serve one tiny clip for each duration; nothing is rendered.")
    time_compression: float = Field(default=50.0, gt=0, description="Vendor seconds that pass in one real second.")
    seed: int = Field(default=0, ge=0, description="Seed of latencies, clip seeds and random faults.")


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """How long a vendor takes for a clip, in the vendor's own seconds (before time compression)."""

    median_s: float
    p95_s: float


class Tuning(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Everything that may change while the simulator runs."""

    time_compression: float = 50.0
    zero_latency: bool = False  # tasks end as they are accepted; implies small clips
    small_clips: bool = False  # one tiny clip for each duration instead of what the prompt says
    seed: int = 0
    # Kling: a pro clip of 5 s was measured at 100 to 250 s. Veo: documented as 11 s to 6 min.
    latency: dict[str, Latency] = msgspec.field(
        default_factory=lambda: {
            "kling": Latency(median_s=150.0, p95_s=300.0),
            "veo": Latency(median_s=200.0, p95_s=360.0),
        }
    )
    # Real retention of result files: Kling 30 days, Veo 2 days. Not compressed.
    retention_s: dict[str, float] = msgspec.field(default_factory=lambda: {"kling": 30 * DAY_S, "veo": 2 * DAY_S})
    # Tasks in flight for each account; 0 means unlimited.
    max_parallel: dict[str, int] = msgspec.field(default_factory=lambda: {"kling": 0, "veo": 0})
    retired_models: tuple[str, ...] = ()
    kling_billing: Literal["unit", "cash"] = "unit"
    callback_retries: int = 3
    callback_backoff_s: float = 0.5


def patched(tuning: Tuning, patch: dict[str, object]) -> Tuning:
    """Return `tuning` with `patch` laid over it; dictionaries are merged by key.

    Raises:
        msgspec.ValidationError: An unknown field or a value of the wrong type.
    """
    merged: dict[str, object] = msgspec.to_builtins(tuning)
    for name, value in patch.items():
        current = merged.get(name)
        merged[name] = {**current, **value} if isinstance(current, dict) and isinstance(value, dict) else value
    return msgspec.convert(merged, Tuning)
