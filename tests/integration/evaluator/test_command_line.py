import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

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


def test_a_missing_file_is_a_sentence() -> None:
    run = _run("score", "/nowhere.mp4", "--prompt", "x")
    assert (run.returncode, run.stderr) == (2, "There is no file /nowhere.mp4.\n")


def test_the_time_of_every_stage_is_printed(render: Callable[..., Path]) -> None:
    run = _run("bench", str(render()), "--rounds", "1", "--json")
    assert run.returncode == 0, run.stderr
    stages = {stage["name"]: stage for stage in json.loads(run.stdout)}
    assert {"bare decode", "decode and sample", "motion", "safety"} <= stages.keys()
    assert all(stage["ms"] > 0 for stage in stages.values())
