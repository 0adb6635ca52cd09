"""Single moments that break a clip: cuts, jumps and flashes, each counted once.

Called by the motion metric. A moment stands out from its neighbours in time; what goes on all the time
(noise, boiling, flicker) does not, and is measured elsewhere.
"""

from dataclasses import dataclass

import numpy as np

from evaluator.domain.arrays import Floats
from evaluator.domain.flow import FlowTrack

NEIGHBOURS = 3  # pairs on either side that say what is usual here
WORST_SHARE = 0.1  # of the blocks: light that flickers in a part of the picture
THING_SHARE = 1 / 36  # of the blocks: a thing that pops in covers no more
RESIDUAL_STEP = 0.7  # above twice the usual residual there; real footage stays below 0.5, a pop or cut is above 0.8
LIGHT_STEP = 18.0  # grey levels above the usual; a flash of 20 % is above 20
LEAP_PX = 5.0  # at 320 px width: the mean motion rises by more for one frame only, and
LEAP_FACTOR = 3.0  # to so many times what it was: fast motion that is fast before and after is no leap,
ALONE_FACTOR = 2.0  # and so many times that of the pair before and after: a hand that jerks takes longer
BUSY_PX = 1.5  # usual motion from which the thresholds above grow with it: a van that passes is no fault
CUT_RESIDUAL = 0.35  # mean over all blocks: most of the picture is new
VERY_BUSY = 2.5
CUT_LIKENESS = (0.7, 0.4)  # in a calm clip, and in one so busy that its frames are unlike one another anyway
FLASH_LIKENESS = 0.7  # a flash leaves the picture as it is
MERGE_PAIRS = 2  # a flash is two changes, a cut may disturb the pair after it: one event


@dataclass(frozen=True, slots=True)
class Interruptions:
    """How many moments break the clip, by kind.

    Attributes:
        n_cuts: The whole picture is replaced.
        n_jumps: Something appears, vanishes or leaps.
        n_flashes: The light changes for a moment and the content stays.
    """

    n_cuts: int = 0
    n_jumps: int = 0
    n_flashes: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.n_cuts + self.n_jumps + self.n_flashes


def find_interruptions(track: FlowTrack, *, light: bool = True) -> Interruptions:
    """Count the moments that stand out from their neighbours in time.

    Args:
        track: What the flow explains.
        light: Whether a change of light alone makes a moment; False where light was asked to flash.
    """
    speed = np.linalg.norm(track.flow, axis=-1).mean(axis=(1, 2))
    usual = np.maximum(speed - _excess(speed), 0)
    busy = np.maximum(usual / BUSY_PX, 1)
    torn = worst_blocks(track.residual, THING_SHARE)
    texture = 2 * _excess(torn) - torn > RESIDUAL_STEP  # where much is unexplained anyway, more must stand out
    lit = _excess(worst_blocks(np.abs(track.drift))) > (LIGHT_STEP if light else np.inf) * busy
    beside = np.maximum(np.append(speed[1:], 0), np.append(0, speed[:-1]))
    leap = (_excess(speed) > LEAP_PX) & (speed > LEAP_FACTOR * usual) & (speed > ALONE_FACTOR * beside)
    unlike = track.likeness < np.where(busy < VERY_BUSY, *CUT_LIKENESS)
    cut = (track.residual.mean(axis=(1, 2)) > CUT_RESIDUAL) & unlike
    n_cuts = n_jumps = n_flashes = 0
    for first, last in _runs(texture | lit | leap):
        moment = slice(first, last + 1)
        if cut[moment].any():
            n_cuts += 1
        elif lit[moment].any() and track.likeness[moment].min() > FLASH_LIKENESS and _returns(track.drift[moment]):
            n_flashes += 1
        else:
            n_jumps += 1
    return Interruptions(n_cuts=n_cuts, n_jumps=n_jumps, n_flashes=n_flashes)


def worst_blocks(by_block: Floats, share: float = WORST_SHARE) -> Floats:
    """Average the worst tenth of the blocks, or another share of them: (P, R, C) becomes (P,)."""
    flat = np.sort(by_block.reshape(len(by_block), -1), axis=1)
    n_worst = max(1, round(flat.shape[1] * share))
    return np.asarray(flat[:, -n_worst:].mean(axis=1))


def _excess(series: Floats) -> Floats:
    """Tell how far each value stands out from those before it and from those after it, whichever are larger.

    What lasts, such as something large that passes, stands out from one side alone.
    """
    if len(series) == 1:
        return np.zeros(1)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(series, NEIGHBOURS, mode="reflect"), NEIGHBOURS)
    usual = np.median(windows, axis=1)
    return np.asarray(series - np.maximum(usual[: len(series)], usual[NEIGHBOURS + 1 :]))


def _returns(drift: Floats) -> bool:
    """Tell whether the light goes back to where it was: up and down again, not a step."""
    return bool(abs(drift.mean(axis=(1, 2)).sum()) < np.abs(drift).mean(axis=(1, 2)).sum() / 2)


def _runs(marked: Floats) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for index in np.flatnonzero(marked).tolist():
        if runs and index - runs[-1][1] < MERGE_PAIRS:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return runs
