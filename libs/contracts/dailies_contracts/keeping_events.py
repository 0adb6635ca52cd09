"""Events about what is kept of a job once it is over: its files, and its facts themselves."""

from typing import Annotated, ClassVar

from msgspec import Meta

from dailies_contracts.base import AssetRef, ClipEvent, Event, Timestamp


class AssetFinalized(ClipEvent, frozen=True, kw_only=True, tag="AssetFinalized"):
    """The delivered clip and its derivatives are kept with their rights record."""

    FACT: ClassVar[str] = "asset_finalized"
    assets: dict[str, AssetRef]


class AssetDeleted(ClipEvent, frozen=True, kw_only=True, tag="AssetDeleted"):
    """The bytes of a clip were deleted on request; the digests prove which."""

    FACT: ClassVar[str] = "asset_deleted"
    sha256s: tuple[str, ...]
    reason: str = ""


class JobArchived(Event, frozen=True, kw_only=True, tag="JobArchived"):
    """The facts of a job that ended lie in the object store; all but its request may be gone from the stream.

    Its history is what the newest fact of this type names, and after it whatever the stream still has.

    Attributes:
        n: Counted from 1: facts that came late are archived later.
        parts: The files, oldest first: JSON Lines, one fact a line; no fact is in two of them.
        n_facts: How many facts they hold.
        newest_at: When the newest of them was written into the stream.
        erased: The job's files were deleted on request, and so are the words of its facts.
    """

    FACT: ClassVar[str] = "job_archived"
    TOKENS: ClassVar[tuple[str, ...]] = ("n",)
    n: Annotated[int, Meta(ge=1)]
    parts: tuple[AssetRef, ...]
    n_facts: int
    newest_at: Timestamp
    erased: bool = False
