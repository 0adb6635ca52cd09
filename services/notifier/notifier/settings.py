"""Settings of the notifier, from the environment (`NOTIFIER_…`)."""

from pathlib import Path
from typing import Literal, Self

from dailies_contracts import CHANNEL_SCHEMES, LONGEST_RETRY_S
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict
from runtime.settings import S3Settings, ServiceSettings


class Settings(ServiceSettings, S3Settings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(env_prefix="NOTIFIER_", frozen=True, extra="ignore")

    public_url: str = Field(
        "http://127.0.0.1:8080", description="The gateway's address as clients see it; for the links in webhooks."
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""),
        description="`whsec_` secret for tenants without one of their own; never with more than one tenant.",
    )
    allow_private_addresses: bool = Field(
        default=False, description="Call loopback and private networks, on any port: one machine only."
    )
    allow_http: bool = Field(default=False, description="Call plain http:// URLs.")
    allowed_ports: tuple[int, ...] = Field((443, 8443), description="Ports that may be called; empty: every port.")
    ca_file: Path | None = Field(None, description="Certificates to trust instead of the public ones.")

    timeout_s: float = Field(15.0, gt=0, description="Limit of one attempt, name lookup and TLS included.")
    retry_delays_s: tuple[float, ...] = Field(
        (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000), description="Wait after each failed attempt."
    )
    retry_jitter: float = Field(0.2, ge=0, le=1, description="Up to this share is added to each wait.")
    on_exhausted: Literal["stop", "skip"] = Field(
        "stop", description="After the last attempt: stop telling this endpoint of the job, or go on with what is next."
    )
    lease_margin_s: float = Field(
        10.0, gt=0, description="A process that has not come back so long after an attempt's limit is presumed dead."
    )
    record_ttl_s: float = Field(
        14 * 24 * 3600.0, gt=0, description="What was told is remembered so long after the last change."
    )

    max_per_s: float = Field(100.0, gt=0, description="Attempts a second at one endpoint, over every process.")
    max_per_day: int = Field(200_000, ge=1, description="Attempts a day at one endpoint, over every process.")
    disable_after_s: float = Field(
        5 * 24 * 3600.0, gt=0, description="An endpoint that has failed for so long is disabled, and its owner told."
    )
    standing_age_s: float = Field(10.0, ge=0, description="An endpoint that was enabled again is called after so long.")

    channel_schemes: frozenset[str] = Field(
        CHANNEL_SCHEMES, description="Kinds of channels to people (Apprise's names); others may lead anywhere."
    )
    mail_relay_url: SecretStr = Field(
        SecretStr(""), description="Apprise URL of the mail server (`mailtos://…`) for `mailto:` channels; empty: none."
    )
    channel_retry_delays_s: tuple[float, ...] = Field(
        (30, 300, 1_800), description="Wait after each failed message to people."
    )
    channel_timeout_s: float = Field(20.0, gt=0, description="Limit of one message to people.")

    concurrency: int = Field(64, ge=1, description="Events handled at once.")
    patience_s: float = Field(0.5, gt=0, description="A delivery that takes longer goes on without its handler.")
    look_again_s: float = Field(60.0, gt=0, description="A timer looks after such a delivery so much later.")
    attempts_per_server: int = Field(4, ge=1, description="Attempts at once at one server of one tenant.")
    attempts_per_tenant: int = Field(64, ge=1, description="Attempts at once of one tenant.")
    waiting_per_server: int = Field(200, ge=0, description="Deliveries that wait for one server in memory.")
    circuit_failures: int = Field(5, ge=1, description="Failures in a row that open a server's circuit.")
    circuit_cooldown_s: float = Field(5.0, gt=0, description="Then nothing is sent so long, doubled each time.")
    circuit_max_cooldown_s: float = Field(300.0, gt=0, description="But at most so long.")

    @model_validator(mode="after")
    def _retries_end_while_facts_are_at_hand(self) -> Self:
        for delays_s in (self.retry_delays_s, self.channel_retry_delays_s):
            if sum(delays_s) * (1 + self.retry_jitter) > LONGEST_RETRY_S:
                raise ValueError(f"the waits between attempts come to more than {LONGEST_RETRY_S} s")
        return self
