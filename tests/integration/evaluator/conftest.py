"""Real clips, rendered once, and the shipped scorer, loaded once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from dailies_contracts import Scores
from evaluator.loading import load_scorer
from evaluator.scoring import Scorer
from evaluator.settings import Settings
from simulator.scenes import Defect, render_clip

CUP = "a white ceramic cup on a walnut desk, morning light, slow dolly in"
Render = Callable[..., Path]


@pytest.fixture(scope="session")
def render(tmp_path_factory: pytest.TempPathFactory) -> Render:
    """`render(prompt, flicker=0.6, duration_s=2)`: an H.264 file; the same arguments render once."""
    folder = tmp_path_factory.mktemp("clips")
    done: dict[str, Path] = {}

    def clip(prompt: str = CUP, *, defects: dict[str, float] | None = None, **options: object) -> Path:
        key = repr((prompt, defects, sorted(options.items())))
        if key not in done:
            faults = [Defect(kind=kind, strength=strength) for kind, strength in (defects or {}).items()]
            wanted = {"duration_s": 2.0, "size_px": (640, 360), "defects": faults} | options
            done[key] = folder / f"{len(done)}.mp4"
            done[key].write_bytes(render_clip(prompt, **wanted))
        return done[key]

    return clip


@pytest.fixture(scope="session")
def scorer() -> Scorer:
    return load_scorer(Settings())


@pytest.fixture(scope="session")
def scored(render: Render, scorer: Scorer) -> Callable[..., Scores]:
    """`scored(prompt, asked=..., ...)`: the scores of a rendered clip."""

    def score(prompt: str = CUP, *, asked: str | None = None, **options: object) -> Scores:
        return scorer.score(render(prompt, **options), asked or prompt)

    return score
