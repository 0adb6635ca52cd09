"""Settings of one vendor's worker; environment prefix `WORKER_`."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from runtime.settings import S3Settings, ServiceSettings


class Settings(ServiceSettings, S3Settings):
    """One process is one vendor: `WORKER_PROVIDER` says which."""

    model_config = SettingsConfigDict(env_prefix="WORKER_", frozen=True, extra="ignore")

    provider: str = Field(description="Vendor, as in the catalogue, for example kling.")
    adapter: str = Field(
        "", description="Dialect: kling, kling-legacy, veo, veo-gemini, instant; empty: the provider's."
    )
    catalog: Path = Field(Path("deploy/catalog.toml"), description="The catalogue.")
    base_url: str = Field("", description="Scheme and host of the vendor's API; empty: the vendor's own.")
    account: str = Field(
        "default",
        pattern=r"^[a-z0-9_-]+$",
        description="Our name of the account at the vendor; workers of one account share its slots.",
    )
    api_key: SecretStr = Field(SecretStr(""), description="API key, or a bearer token that does not change.")
    access_key: str = Field("", description="Key id, for Kling's legacy dialect.")
    secret_key: SecretStr = Field(SecretStr(""), description="Secret of the same.")
    token_file: Path | None = Field(None, description="File with Vertex's bearer token, renewed by somebody else.")
    project: str = Field("", description="Google Cloud project, for Vertex.")
    location: str = Field("us-central1", description="Google Cloud region, for Vertex.")
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="whsec_ secret of the vendor's callbacks; empty: unsigned."
    )
    keys_url: str = Field("", description="Where fal publishes the keys of its callbacks; empty: its own place.")
    unit_usd_micros: int = Field(
        0, ge=0, description="Our price of one unit of the vendor's own (Kling unit, Runway credit); 0: its list price."
    )
    callback_url: str = Field("", description="The gateway as the vendor reaches it; empty: polling alone.")
    callback_secret: SecretStr = Field(SecretStr(""), description="Signs callback addresses; shared with the gateway.")
    poll_scale: float = Field(
        1.0, gt=0, description="Factor on waiting times about the vendor; small with a simulator."
    )
    submit_timeout_s: float = Field(20.0, gt=0, description="A submit that takes longer has an unknown outcome.")
    visible_after_s: float = Field(
        5.0, ge=0, description="A task that the vendor accepted can be looked up after this."
    )
    slot_ttl_s: float = Field(180.0, ge=10, description="A slot whose clip nobody polls comes free after this.")
    watch_limit_s: float = Field(172_800.0, gt=0, description="A clip that was given up is watched for so long.")
    max_clip_bytes: int = Field(512 * 1024 * 1024, gt=0, description="A larger file is not a clip.")
    concurrency: int = Field(16, ge=1, description="Clips submitted at once by this process.")
    timer_concurrency: int = Field(32, ge=1, description="Clips looked at at once by this process.")
