"""Settings of the gateway and of its projector, read once in their composition roots."""

from pathlib import Path

from dailies_contracts import CHANNEL_SCHEMES
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from runtime.settings import S3Settings, ServiceSettings


class MongoSettings(ServiceSettings):
    """Where the projection lies; the same for the gateway, which reads it, and the projector, which writes it."""

    mongo_url: str = Field("mongodb://127.0.0.1:27017/?directConnection=true", description="MongoDB.")
    mongo_database: str = Field("dailies", description="Database of the projection.")


class GatewaySettings(S3Settings, MongoSettings):
    """Settings of the HTTP gateway; environment prefix `GATEWAY_`."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", description="Address to serve HTTP on.")
    port: int = Field(8080, ge=0, le=65_535, description="Port to serve HTTP on; 0 takes a free one.")
    catalog: Path | None = Field(None, description="The catalogue of vendors and prices; empty: no estimates.")
    admin_key: SecretStr = Field(SecretStr(""), description="Key of the admin routes; empty: they are off.")
    callback_secret: SecretStr = Field(
        SecretStr(""), description="Signs vendors' callback addresses; the workers have the same. Empty: no callbacks."
    )
    bootstrap_api_key: SecretStr = Field(SecretStr(""), description="An API key to register at start-up.")
    bootstrap_tenant: str = Field("", description="Tenant of the bootstrap key.")
    allow_http_webhooks: bool = Field(False, description="Take http:// webhook addresses: for one machine only.")
    channel_schemes: frozenset[str] = Field(
        CHANNEL_SCHEMES, description="Kinds of channels to people that tenants may register; as the notifier's."
    )
    api_key_ttl_s: float = Field(10.0, ge=0, description="A withdrawn key may be used for so long.")
    signed_url_ttl_s: int = Field(900, ge=1, le=604_800, description="Lifetime of the signed address of a clip.")
    mongo_timeout_s: float = Field(2.0, gt=0, description="A list that takes MongoDB longer counts as unavailable.")
    projection_stale_s: float = Field(
        10.0, gt=0, description="A list counts as stale when the projector has been silent for so long."
    )
    batch_window: int = Field(
        32, ge=1, le=500, description="Jobs of batches that one tenant may have running; the others wait their turn."
    )
    batch_look_s: float = Field(1.0, gt=0, description="Time between two looks at a running batch.")


class ProjectorSettings(S3Settings, MongoSettings):
    """Settings of the projector; environment prefix `PROJECTOR_`."""

    model_config = SettingsConfigDict(env_prefix="PROJECTOR_", frozen=True, extra="ignore")

    batch_size: int = Field(500, ge=1, le=1_000, description="Events handled at once.")
    n_loads: int = Field(16, ge=1, le=256, description="Histories read at the same time.")
    linger_s: float = Field(0.1, ge=0, le=5, description="Wait so long for further facts before a write.")
    mongo_timeout_s: float = Field(30.0, gt=0, description="A write that takes MongoDB longer is tried again.")
    heartbeat_s: float = Field(1.0, gt=0, description="How often the projection says how fresh it is.")
    sweep_every_s: float = Field(60.0, gt=0, description="Time between two looks for jobs that stand still.")
    standing_s: float = Field(
        300.0,
        gt=0,
        description="A running job to which nothing happens for so long is looked at, then ever more rarely.",
    )
    watched_s: float = Field(
        172_800.0,
        gt=0,
        description="An ended job with money held is looked at for so long: as WORKER_WATCH_LIMIT_S, the workers' own.",
    )
