"""Reports of costs: what may be asked, and what is answered. All sums are whole micro-dollars."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, get_args

from dailies_contracts import Stage

from gateway.domain.errors import InvalidField
from gateway.domain.job import Part

KEYS = ("tenant", "provider", "model", "stage", "day")
"""What costs can be grouped by, and filtered by but for the day."""
ALIASES = {"vendor": "provider"}
STAGES: tuple[str, ...] = get_args(Stage)
DEFAULT_DAYS = 30
MAX_DAYS = 366
MAX_GROUPS = 10_000


class CostQuery(NamedTuple):
    """One question for costs.

    Attributes:
        tenant_id: Whose; None: everybody's.
        group_by: Some of `KEYS`, in the order asked; empty: only the total.
        first: First UTC day.
        last: Last UTC day.
        filters: Value by key.
        batch_id: Only jobs of this batch.
    """

    tenant_id: str | None
    group_by: tuple[str, ...]
    first: date
    last: date
    filters: tuple[tuple[str, str], ...] = ()
    batch_id: str = ""


class CostGroup(Part, frozen=True, kw_only=True):
    """Costs of the clips of one group; keys that were not asked for are null.

    Attributes:
        day: UTC day in which the clip was ordered, as in the budget.
        n_clips: Clips ordered.
        spent_usd_micros: Charged so far, scoring included.
        scoring_usd_micros: What of it was scoring.
        held_usd_micros: Set aside for clips whose outcome is open.
    """

    tenant: str | None = None
    provider: str | None = None
    model: str | None = None
    stage: str | None = None
    day: str | None = None
    n_clips: int = 0
    spent_usd_micros: int = 0
    scoring_usd_micros: int = 0
    held_usd_micros: int = 0


class EstimateReport(Part, frozen=True, kw_only=True):
    """Estimates held against what was charged, over the jobs that are ready and had one.

    Attributes:
        low_usd_micros: Sum of the lower ends.
        expected_usd_micros: Sum of the expected costs.
        high_usd_micros: Sum of the upper ends.
        actual_usd_micros: Sum of what the same jobs cost.
        n_below: Jobs that cost less than the lower end.
        n_within: Jobs that cost what was said.
        n_above: Jobs that cost more than the upper end: something was rendered again.
    """

    n_jobs: int = 0
    low_usd_micros: int = 0
    expected_usd_micros: int = 0
    high_usd_micros: int = 0
    actual_usd_micros: int = 0
    n_below: int = 0
    n_within: int = 0
    n_above: int = 0


class ReuseReport(Part, frozen=True, kw_only=True):
    """Jobs that an earlier clip answered.

    Attributes:
        saved_usd_micros: What the jobs cost that the clips were rendered for.
    """

    n_jobs: int = 0
    saved_usd_micros: int = 0


class CostReport(Part, frozen=True, kw_only=True):
    """The answer.

    Attributes:
        first_day: First UTC day, inclusive.
        last_day: Last UTC day, inclusive.
        groups: Dearest first.
        total: Over all groups.
        estimates: Null where only some clips of the jobs were asked for.
        reused: Null where `estimates` is.
        as_of: The report shows every fact up to this time; null where the projection has never run.
        stale: The projection is behind or away; `/v1/budget` is always exact.
    """

    group_by: tuple[str, ...]
    first_day: str
    last_day: str
    groups: tuple[CostGroup, ...]
    total: CostGroup
    estimates: EstimateReport | None
    reused: ReuseReport | None
    as_of: datetime | None
    stale: bool


def parse_cost_query(parameters: Mapping[str, str], *, tenant_id: str | None, now: datetime) -> CostQuery:
    """Read the query string of a report.

    Args:
        parameters: As sent.
        tenant_id: Who asks; None: an administrator, who may group and filter by tenant.
        now: The last day where none is named.

    Raises:
        InvalidRequest: An unknown parameter, or a value that cannot be.
    """
    given = {ALIASES.get(name, name): value for name, value in parameters.items()}
    keys = KEYS if tenant_id is None else KEYS[1:]
    filters = [key for key in keys if key != "day"]
    known = ("group_by", "from", "to", "batch", *filters)
    unknown = next((name for name in given if name not in known), None)
    if unknown is not None:
        sentence = f"There is no parameter {unknown!r}; known: {', '.join(known)}."
        raise InvalidField("request.unknown_parameter", sentence, field=unknown)
    first, last = _days(given, now.astimezone(UTC).date())
    return CostQuery(
        tenant_id=tenant_id if tenant_id is not None else given.get("tenant"),
        group_by=_group_by(given.get("group_by", ""), keys),
        first=first,
        last=last,
        filters=tuple((key, _filter(key, given[key])) for key in filters if key in given and key != "tenant"),
        batch_id=given.get("batch", ""),
    )


def _group_by(text: str, keys: tuple[str, ...]) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    wanted = tuple(dict.fromkeys(ALIASES.get(name, name) for name in names))
    if not set(wanted) <= set(keys):
        sentence = f"group_by must name some of {', '.join(keys)}, separated by commas."
        raise InvalidField("request.invalid_field", sentence, field="group_by")
    return wanted


def _filter(key: str, value: str) -> str:
    if key == "stage" and value not in STAGES:
        raise InvalidField("request.invalid_field", f"stage must be one of {', '.join(STAGES)}.", field="stage")
    return value


def _days(given: Mapping[str, str], today: date) -> tuple[date, date]:
    last = _day("to", given["to"]) if "to" in given else today
    first = _day("from", given["from"]) if "from" in given else last - timedelta(days=DEFAULT_DAYS - 1)
    if not 0 <= (last - first).days < MAX_DAYS:
        sentence = f"from must not be after to, and the two at most {MAX_DAYS} days apart."
        raise InvalidField("request.invalid_field", sentence, field="from")
    return first, last


def _day(name: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not 1970 <= day.year < 9000:  # noqa: PLR2004 (what every store can keep)
        raise InvalidField("request.invalid_field", f"{name} must be a day such as 2026-11-27.", field=name)
    return day
