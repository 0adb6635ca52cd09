"""The error tree: the class says what happens to the message or request, the code says what went wrong.

```
DailiesError(code, detail)
├─ InvalidRequest · NotFound · Conflict   the caller's fault → 4xx problem; never retried
├─ Transient(retry_after_s)               → nak with delay
│   └─ DependencyUnavailable · ConcurrencyConflict
├─ Permanent                              → dead letter
└─ InvariantBroken                        our bug: nak, then dead letter, and a page
```
"""


class DailiesError(Exception):
    """Base of every error that services raise on purpose.

    Attributes:
        code: Stable and dotted, for example `job.unsupported_size`.
        detail: A sentence that says what to do.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class InvalidRequest(DailiesError):
    """The request cannot be served as it is."""


class NotFound(DailiesError):
    """What was asked for does not exist, or not for this caller."""


class Conflict(DailiesError):
    """The request contradicts what has already happened."""


class Transient(DailiesError):
    """Will pass: try again after a while.

    Attributes:
        retry_after_s: What the other side asked us to wait; None: the usual backoff.
    """

    def __init__(self, code: str, detail: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(code, detail)
        self.retry_after_s = retry_after_s


class DependencyUnavailable(Transient):
    """A part that we need does not answer."""


class ConcurrencyConflict(Transient):
    """Somebody else changed it meanwhile: load again, decide again."""


class Permanent(DailiesError):
    """Will never work: keep it for a person."""


class InvariantBroken(DailiesError):
    """A bug of ours."""
