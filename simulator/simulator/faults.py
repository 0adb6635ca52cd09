"""Faults on demand: which one fires, when, and how often. Pure bookkeeping; vendors and engine act on the answer.

A fault comes from `POST /_control/faults`, or from a marker in a prompt such as `[[fault:throttled count=2]]`.
Chance is a hash of seed, fault, subject and repetition: the same run meets the same faults, in any interleaving.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Annotated, Literal, get_args

import msgspec

from simulator.tasks import DefectKind

Kind = Literal[
    "outage",
    "dropped",
    "connection_refused",
    "latency",
    "server_error",
    "throttled",
    "unauthorized",
    "out_of_money",
    "refused_at_submit",
    "response_lost",
    "stuck",
    "slow",
    "refused_at_completion",
    "failed_at_completion",
    "defect",
    "expired_url",
    "truncated_file",
    "not_a_video",
    "callback_missing",
    "callback_repeated",
    "callback_late",
    "callback_forged",
]
Moment = Literal["request", "answer", "accept", "completion", "download", "callback"]

# The moment at which a kind can fire; within a moment the first that fires wins (latency lets others follow).
MOMENTS: dict[str, Moment] = {
    "outage": "request",
    "dropped": "request",
    "latency": "request",
    "server_error": "request",
    "throttled": "request",
    "unauthorized": "request",
    "out_of_money": "request",
    "refused_at_submit": "request",
    "response_lost": "answer",
    "connection_refused": "accept",
    "stuck": "accept",
    "slow": "accept",
    "refused_at_completion": "completion",
    "failed_at_completion": "completion",
    "defect": "accept",
    "expired_url": "download",
    "truncated_file": "download",
    "not_a_video": "download",
    "callback_missing": "callback",
    "callback_repeated": "callback",
    "callback_late": "callback",
    "callback_forged": "callback",
}
# Kinds that another fault of the same moment may follow.
COMBINABLE = frozenset(
    {
        "latency",
        "connection_refused",
        "defect",
        "stuck",
        "slow",
        "callback_repeated",
        "callback_late",
        "callback_forged",
    }
)
# A marker of these kinds hits a prompt once, so that a second try can succeed; other kinds hit it always.
ONCE = frozenset(
    {"dropped", "connection_refused", "server_error", "throttled", "unauthorized", "response_lost", "expired_url"}
)
EVERY_OPERATION = frozenset({"outage", "latency"})
# Names that the control API also takes.
ALIASES = {
    "drop": "dropped",
    "throttle": "throttled",
    "429": "throttled",
    "5xx": "server_error",
    "refuse_at_submit": "refused_at_submit",
    "refuse_at_completion": "refused_at_completion",
    "fail_at_completion": "failed_at_completion",
    "truncated": "truncated_file",
    "not_video": "not_a_video",
    "lost_response": "response_lost",
}
MARKER = re.compile(r"\[\[(fault|defect):\s*([a-z0-9_.]+)((?:\s+[a-z_]+=[^\s\]]+)*)\s*\]\]")


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault and how often it fires; see the table in the simulator's README."""

    kind: Kind
    id: str = ""
    vendor: str = "*"
    operation: str | None = None  # submit | poll | find | download | *; default: submit, outage and latency: *
    count: int | None = None  # how many times it fires at most; None: no limit
    probability: float = 1.0
    seed: int = 0
    status: int | None = None
    code: int | None = None  # Kling: body code of a throttle, e.g. 1303
    retry_after_s: float | None = None
    delay_s: float = 1.0
    growth_s: float = 0.0  # latency: added for each time it fired before
    factor: float = 5.0  # slow: times the usual latency
    starts_in_s: float = 0.0
    duration_s: float | None = None  # outage, connection_refused: window; stuck: until it succeeds after all
    repeat: int = 2  # callback_repeated: deliveries in all
    samples: int | None = None  # refused_at_completion: so many clips of the request are kept back; None: all
    cut: bool = False  # truncated_file: break the connection instead of a short file
    defect: DefectKind = "flicker"
    strength: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.8

    def covers(self, vendor: str, operation: str) -> bool:
        """Whether the fault is meant for this vendor and operation."""
        if self.vendor not in ("*", vendor):
            return False
        if MOMENTS[self.kind] != "request":
            return True
        wanted = self.operation or ("*" if self.kind in EVERY_OPERATION else "submit")
        return wanted in ("*", operation)


class FaultBook:
    """The faults that are switched on."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._faults: list[tuple[Fault, float]] = []
        self._n_fired: Counter[str] = Counter()
        self._n_seen: Counter[tuple[str, str]] = Counter()
        self._next_id = 1

    def add(self, fault: Fault) -> Fault:
        """Switch a fault on and give it an id."""
        named = msgspec.structs.replace(fault, id=fault.id or f"fault-{self._next_id}")
        self._next_id += 1
        self._faults.append((named, self._clock()))
        return named

    def clear(self, *, vendor: str | None = None, fault_id: str | None = None) -> int:
        """Switch faults off; returns how many."""
        before = len(self._faults)
        self._faults = [
            (fault, at)
            for fault, at in self._faults
            if (vendor is not None and fault.vendor != vendor) or (fault_id is not None and fault.id != fault_id)
        ]
        if vendor is None and fault_id is None:
            self._n_seen.clear()
        return before - len(self._faults)

    def forget(self) -> None:
        """Switch everything off and forget what fired: a marker that hits once may hit again."""
        self.clear()
        self._n_fired.clear()

    def listing(self) -> list[dict[str, object]]:
        """Show the faults with how often each fired."""
        return [{**msgspec.to_builtins(fault), "n_fired": self._n_fired[fault.id]} for fault, _ in self._faults]

    def draw(
        self, moment: Moment, *, vendor: str, operation: str = "", subject: str = "", marks: Sequence[str] = ()
    ) -> tuple[Fault, ...]:
        """Say which faults hit now, and count them as fired.

        Args:
            moment: The point in a task's life.
            vendor: Vendor that is called.
            operation: submit, poll, find or download.
            subject: What chance and once-only markers are tied to (the prompt, or the task's prompt).
            marks: Markers found in the request.
        """
        if not self._faults and not marks:
            return ()
        hits: list[Fault] = []
        for fault, added_at in self._candidates(moment, vendor=vendor, operation=operation, marks=marks):
            if self._fires(fault, added_at, subject=f"{vendor}|{subject}"):
                hits.append(fault)
                if fault.kind not in COMBINABLE:
                    break
        return tuple(hits)

    def _candidates(
        self, moment: Moment, *, vendor: str, operation: str, marks: Sequence[str]
    ) -> list[tuple[Fault, float]]:
        marked = [(fault, 0.0) for fault in map(from_marker, marks) if fault is not None]
        found = [
            (fault, at)
            for fault, at in [*marked, *self._faults]
            if MOMENTS[fault.kind] == moment and fault.covers(vendor, operation)
        ]
        order = list(MOMENTS)
        return sorted(found, key=lambda pair: order.index(pair[0].kind))

    def _fires(self, fault: Fault, added_at: float, *, subject: str) -> bool:
        if fault.kind == "outage" and not self._in_window(fault, added_at):
            return False
        is_mark = fault.id.startswith("mark:")
        counter = f"{fault.id}|{subject}" if is_mark else fault.id
        if fault.count is not None and self._n_fired[counter] >= fault.count:
            return False
        nth = self._n_seen[fault.id, subject]
        self._n_seen[fault.id, subject] += 1
        if fault.probability < 1.0 and chance(fault.seed, fault.kind, subject, nth) >= fault.probability:
            return False
        self._n_fired[counter] += 1
        return True

    def _in_window(self, fault: Fault, added_at: float) -> bool:
        since = self._clock() - added_at - fault.starts_in_s
        return since >= 0 and (fault.duration_s is None or since < fault.duration_s)

    def n_fired(self, fault: Fault) -> int:
        """Count how often a fault has fired."""
        return self._n_fired[fault.id]


def chance(seed: int, *parts: object) -> float:
    """Return a number in [0, 1) that depends on nothing but the arguments."""
    text = "|".join(map(str, (seed, *parts)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


def marks_in(text: str) -> tuple[str, ...]:
    """Find the markers of a text, whole."""
    return tuple(match.group(0) for match in MARKER.finditer(text)) if "[[" in text else ()


def without_marks(text: str) -> str:
    """Return the text as a camera would read it."""
    return " ".join(MARKER.sub(" ", text).split()) if "[[" in text else text


def from_marker(mark: str) -> Fault | None:
    """Read one marker; None when it names nothing known (a typo must not break a submit)."""
    match = MARKER.fullmatch(mark)
    if match is None:
        return None
    family, name, rest = match.groups()
    fields: dict[str, object] = {name: value for name, value in (part.split("=", 1) for part in rest.split())}  # noqa: C416 - the types differ
    if family == "defect":
        fields |= {"kind": "defect", "defect": name}
    else:
        vendor, _, kind = name.rpartition(".")
        fields |= {"kind": kind} | ({"vendor": vendor} if vendor else {})
    try:
        fault = read_fault({**fields, "id": f"mark:{mark}"}, strict=False)
    except msgspec.ValidationError:
        return None
    return msgspec.structs.replace(fault, count=1) if fault.count is None and fault.kind in ONCE else fault


def read_fault(fields: dict[str, object], *, strict: bool = True) -> Fault:
    """Read a fault from the control API's JSON or from a marker's fields.

    Raises:
        msgspec.ValidationError: An unknown kind, field or type.
    """
    kind = fields.get("kind")
    named = fields | ({"kind": ALIASES[kind]} if isinstance(kind, str) and kind in ALIASES else {})
    return msgspec.convert(named, Fault, strict=strict)


assert set(MOMENTS) == set(get_args(Kind)), "every kind has its moment"  # noqa: S101 - checked once at import
