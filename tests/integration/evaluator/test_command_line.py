import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from evaluator.cli import read_order
from runtime.errors import Permanent

CUP = "a white ceramic cup on a walnut desk, morning light, slow dolly in"


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evaluator", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own command


def test_a_local_file_is_scored_as_json(render: Callable[..., Path]) -> None:
    run = _run("score", str(render()), "--prompt", CUP, "--json")
    assert run.returncode == 0, run.stderr
    scores = json.loads(run.stdout)
    assert scores["passed"] is True
    assert {"alignment", "motion", "aesthetic", "safety", "aggregate", "raw", "models"} <= scores.keys()


def test_a_clip_that_does_not_pass_says_why_in_words(render: Callable[..., Path]) -> None:
    run = _run("score", str(render()), "--prompt", "a blue boat on the sea at night")
    assert run.returncode == 1
    assert "did not pass" in run.stdout
    assert "hardly shows what was asked for" in run.stdout


def test_a_local_file_is_held_against_the_whole_order(render: Callable[..., Path]) -> None:
    beat = {"start_s": 0, "end_s": 2, "action": "a white cup"}
    order = {"camera": ["dolly_in"], "duration_s": 9, "audio": True, "beats": [beat]}
    run = _run("score", str(render()), "--prompt", CUP, "--json", "--ask", json.dumps(order))
    scores = json.loads(run.stdout)
    assert {"too_short", "no_sound"} <= set(scores["flags"]), scores
    assert "alignment.beat_order" in scores["raw"]


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        ("a slow dolly", "--ask: JSON is malformed"),
        ('{"duration_s": "long"}', "--ask: Expected `float | null`, got `str` - at `$.duration_s`"),
        ('{"lens": "wide"}', "--ask: there is no field `lens`; known are camera, moves, beats, negative"),
        ('{"camera": ["sideward"]}', "--ask: there is no camera move `sideward`; known are static, dolly_in"),
    ],
)
def test_an_order_that_cannot_be_read_is_a_sentence(ask: str, sentence: str) -> None:
    with pytest.raises(Permanent) as refused:
        read_order(ask)
    assert sentence in str(refused.value)


def test_a_missing_file_is_a_sentence() -> None:
    run = _run("score", "/nowhere.mp4", "--prompt", "x")
    assert (run.returncode, run.stderr) == (2, "There is no file /nowhere.mp4.\n")


def test_the_time_of_every_stage_is_printed(render: Callable[..., Path]) -> None:
    run = _run("bench", str(render()), "--rounds", "1", "--json")
    assert run.returncode == 0, run.stderr
    stages = {stage["name"]: stage for stage in json.loads(run.stdout)}
    assert {"bare decode", "decode and sample", "motion", "safety"} <= stages.keys()
    assert all(stage["ms"] > 0 for stage in stages.values())
