"""Settings of the router."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict
from runtime.settings import S3Settings, ServiceSettings


class Settings(ServiceSettings, S3Settings):
    """Environment prefix `ROUTER_`."""

    model_config = SettingsConfigDict(env_prefix="ROUTER_", frozen=True, extra="ignore")

    catalog: Path = Field(Path("deploy/catalog.toml"), description="The catalogue of vendors and prices.")
    concurrency: int = Field(32, ge=1, le=512, description="Jobs advanced at once in this process.")
