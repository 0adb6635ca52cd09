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
    keys: dict[str, tuple[SecretStr, ...]] = Field(
        default={}, description="API keys by vendor, one account each; `*` stands for every vendor that is not named."
    )
    webhook_secrets: dict[str, SecretStr] = Field(
        default={}, description="`whsec_…` secrets by vendor; a vendor that has one signs its callbacks with it."
    )
    kling_access_key: str = Field(default="sim-ak", description="AccessKey of Kling's legacy JWT dialect.")
    kling_secret_key: SecretStr = Field(
        default=SecretStr("sim-sk"), description="SecretKey of Kling's legacy JWT dialect."
    )
    render_workers: int = Field(default=1, ge=1, le=2, description="Processes that render clips.")
    zero_latency: bool = Field(default=False, description="Finish every task at once with a small clip.")
    small_clips: bool = Field(default=False, description="Serve one tiny clip for each duration; nothing is rendered.")
    time_compression: float = Field(default=50.0, gt=0, description="Vendor seconds that pass in one real second.")
    seed: int = Field(default=0, ge=0, description="Seed of latencies, clip seeds and random faults.")

    def keys_of(self, vendor: str) -> tuple[str, ...]:
        """Give a vendor's keys; without any it takes `sim-<vendor>-key`."""
        given = self.keys.get(vendor) or self.keys.get("*")
        return tuple(key.get_secret_value() for key in given) if given else (f"sim-{vendor}-key",)

    def webhook_secret_of(self, vendor: str) -> str | None:
        """Give the secret that a vendor signs its callbacks with."""
        secret = self.webhook_secrets.get(vendor)
        return None if secret is None else secret.get_secret_value()


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
    # By vendor; each vendor's class says what it starts with. Retention of result files is not compressed.
    latency: dict[str, Latency] = {}
    retention_s: dict[str, float] = {}
    max_parallel: dict[str, int] = {}  # tasks in flight for each account; 0 means unlimited
    retired_models: tuple[str, ...] = ()
    kling_billing: Literal["unit", "cash"] = "unit"
    runway_cancelled: Literal["gone", "shown"] = "gone"  # how Runway answers for a task that was cancelled
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
