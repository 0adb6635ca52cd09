"""Settings that every service has; each service adds its own in one frozen class."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """What every service needs to run. Subclasses set the environment prefix, `<SERVICE>_`."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    nats_url: str = Field("nats://127.0.0.1:4222", description="NATS servers, comma separated.")
    stream_replicas: int = Field(1, ge=1, le=5, description="Copies of every stream: 3 in a cluster.")
    health_host: str = Field("127.0.0.1", description="Address of /livez, /readyz and /metrics.")
    health_port: int = Field(0, ge=0, le=65_535, description="Port of the same; 0 takes a free one.")
    otlp_endpoint: str = Field("", description="OTLP/HTTP base URL for traces, for example http://collector:4318.")
    trace_sample_ratio: float = Field(1.0, ge=0, le=1, description="Share of new traces that are recorded.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Lowest level logged.")
    shutdown_timeout_s: float = Field(20.0, gt=0, description="Running handlers get so long to finish on SIGTERM.")


class S3Settings(BaseSettings):
    """Where the bytes are; mixed into the settings of services that store or read clips."""

    s3_url: str = Field("", description="S3 endpoint; empty: AWS.")
    s3_region: str = Field("us-east-1", description="Region to sign for.")
    s3_access_key: SecretStr = Field(SecretStr(""), description="Access key id; empty: the ambient credentials.")
    s3_secret_key: SecretStr = Field(SecretStr(""), description="Secret access key.")
    s3_bucket: str = Field("dailies", description="Bucket of all assets.")
