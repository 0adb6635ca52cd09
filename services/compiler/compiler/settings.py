"""Settings of the compiler."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict
from runtime.settings import S3Settings, ServiceSettings


class Settings(ServiceSettings, S3Settings):
    """Environment prefix `COMPILER_`."""

    model_config = SettingsConfigDict(env_prefix="COMPILER_", frozen=True, extra="ignore")

    catalog: Path = Field(Path("deploy/catalog.toml"), description="The catalogue of vendors and their limits.")
    rules: Path | None = Field(None, description="Folder with your own rule files; unset: the shipped ones.")
    concurrency: int = Field(16, ge=1, le=512, description="Requests compiled at once in this process.")
