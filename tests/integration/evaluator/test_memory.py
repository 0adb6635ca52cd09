"""The process does not grow with the clips it has scored."""

from collections.abc import Callable
from pathlib import Path

import pytest
from evaluator.loading import load_scorer
from evaluator.settings import Settings

WARM, MEASURED = 40, 160
MAX_GROWTH_BYTES = 12e6
"""Keeping the eight sampled pictures of every clip would be 55 MB, their brightness at analysis size 110 MB."""


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the process's memory from /proc")
def test_memory_stays_flat_over_many_clips(render: Callable[..., Path]) -> None:
    scorer = load_scorer(Settings(n_checked=1))
    clip = render("a red ball on the beach", duration_s=0.5, size_px=(160, 90))
    for number in range(WARM):
        scorer.score(clip, f"a red ball on the beach {number}")
    before = resident_bytes()
    for number in range(MEASURED):
        scorer.score(clip, f"a red ball on the beach {WARM + number}")
    assert resident_bytes() - before < MAX_GROWTH_BYTES
