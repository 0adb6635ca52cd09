"""Where the files of a clip lie, how they are tagged, and what becomes of them by their tag.

Keys are made from ids alone, so that a step that runs twice writes the same object.
"""

from collections.abc import Sequence
from typing import Any

from dailies_contracts import Stage
from dailies_contracts.subjects import check_token

SOURCE = "source.mp4"
"""The vendor's file, byte for byte."""
SOURCE_TYPE = "video/mp4"
STAGE_TAG = "stage"
"""`draft` expires, `final` stays, `held` stays until a legal hold ends."""
HELD = "held"


def clip_prefix(job_id: str, clip_id: str) -> str:
    """Give what the keys of a clip's files begin with.

    Raises:
        InvalidSubject: An id is not one of ours.
    """
    return f"jobs/{check_token(job_id)}/{check_token(clip_id)}/"


def clip_key(job_id: str, clip_id: str, file: str) -> str:
    """Name one file of a clip, for example `jobs/<job_id>/<clip_id>/source.mp4`."""
    return clip_prefix(job_id, clip_id) + file


def record_file(version: int) -> str:
    """Name the file of one version of a clip's rights record: 1 once it is judged, 2 once it is delivered."""
    return f"rights.v{version}.json"


def tags_of(stage: Stage | str) -> dict[str, str]:
    """Give the tags of a file of a clip."""
    return {STAGE_TAG: stage}


def lifecycle_rules(*, draft_days: int) -> Sequence[dict[str, Any]]:
    """Write the bucket's lifecycle: drafts expire, and so do the replaced versions of drafts and of write checks.

    Args:
        draft_days: A draft's files are kept for so long.
    """
    drafts = {"Tag": {"Key": STAGE_TAG, "Value": "draft"}}
    checks = {"Prefix": "health/"}
    # One action a rule: some servers take a rule with two actions and apply only one of them.
    return (
        {"ID": "drafts", "Status": "Enabled", "Filter": drafts, "Expiration": {"Days": draft_days}},
        {
            "ID": "replaced-drafts",
            "Status": "Enabled",
            "Filter": drafts,
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        },
        {"ID": "write-checks", "Status": "Enabled", "Filter": checks, "Expiration": {"Days": 1}},
        {
            "ID": "replaced-write-checks",
            "Status": "Enabled",
            "Filter": checks,
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        },
    )
