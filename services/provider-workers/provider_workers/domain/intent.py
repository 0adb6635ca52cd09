"""The intent: what is written before a submit, so that whoever comes after a crash knows that money may be spent.

One per clip, in a key-value bucket, changed by compare-and-set only. It is kept until the clip's deadline is
long past; after the deadline nothing is submitted any more, so it never expires too early.
"""

from datetime import datetime
from typing import Literal

import msgspec

MAX_POSTS = 2
"""A clip is sent once, and once more when the vendor has confirmed that it knows nothing of the first."""
MAX_REFUSALS = 2
"""Throttled or unavailable answers that the same vendor is asked again after."""


class Intent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the submission of one clip has come.

    Attributes:
        state: `posting`: sent, or about to be, and no answer is recorded. `refused`: the vendor answered no, for now.
            `closed`: nothing is on its way, and nobody may send the clip any more.
        posted_at: When the latest submit began.
        n_posts: Submits whose answer was not a refusal, the running one included.
        n_refusals: Refusals to try again after.
    """

    state: Literal["posting", "refused", "closed"]
    posted_at: datetime
    n_posts: int = 1
    n_refusals: int = 0

    def refused(self) -> "Intent":
        """The vendor answered no, for now: this submit did not count."""
        return msgspec.structs.replace(self, state="refused", n_posts=self.n_posts - 1, n_refusals=self.n_refusals + 1)

    def put_off(self) -> "Intent":
        """Whether it may be sent again could not be found out: that counts as a refusal."""
        return msgspec.structs.replace(self, n_refusals=self.n_refusals + 1)

    def closed(self) -> "Intent":
        """Nothing is sent any more."""
        return msgspec.structs.replace(self, state="closed")

    def posting_again(self, now: datetime) -> "Intent":
        """Another submit begins."""
        return msgspec.structs.replace(self, state="posting", posted_at=now, n_posts=self.n_posts + 1)


def first_intent(now: datetime) -> Intent:
    """The first submit of a clip begins."""
    return Intent(state="posting", posted_at=now)


def closed_intent(now: datetime) -> Intent:
    """A clip that was never sent, and never will be."""
    return Intent(state="closed", posted_at=now, n_posts=0)


def encode_intent(intent: Intent) -> bytes:
    """Give the bytes that the bucket keeps."""
    return msgspec.json.encode(intent)


def decode_intent(value: bytes) -> Intent:
    """Read the bytes that the bucket kept."""
    return msgspec.json.decode(value, type=Intent)
