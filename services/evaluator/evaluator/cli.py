"""The command line: the service, or one local file scored or timed with the same code."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from dailies_contracts import Scores
from runtime.errors import DailiesError

from evaluator.loading import load_scorer
from evaluator.settings import Settings
from evaluator.stages import Stage, time_stages


def main(arguments: Sequence[str]) -> int:
    """Run a command; without one, the service.

    Returns:
        0; 1 where the clip did not pass; 2 where the command could not run.
    """
    asked = _parser().parse_args(arguments)
    try:
        match asked.command:
            case "score":
                return _score(asked.file, asked.prompt, as_json=asked.json)
            case "bench":
                return _bench(asked.file, asked.prompt, rounds=asked.rounds, as_json=asked.json)
            case _:
                return _serve()
    except DailiesError as err:
        sys.stderr.write(f"{err}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="evaluator", description="Scores clips; without a command, runs the service.")
    commands = parser.add_subparsers(dest="command")
    for name, sentence in (("score", "Score one local file."), ("bench", "Time each stage on one local file.")):
        command = commands.add_parser(name, help=sentence, description=sentence)
        command.add_argument("file", type=Path, help="a video file")
        command.add_argument("--json", action="store_true", help="print JSON")
        command.add_argument("--prompt", required=name == "score", default="a red ball", help="what it should show")
    commands.choices["bench"].add_argument("--rounds", type=int, default=3, help="best of so many")
    return parser


def _serve() -> int:
    # The service's libraries take a second to import, which scoring a file should not wait for.
    from runtime.service import run_service  # noqa: PLC0415

    from evaluator.app import run  # noqa: PLC0415

    run_service(run(Settings()))
    return 0


def _score(path: Path, prompt: str, *, as_json: bool) -> int:
    if not path.is_file():
        sys.stderr.write(f"There is no file {path}.\n")
        return 2
    scores = load_scorer(Settings()).score(path, prompt)
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(scores)).decode() if as_json else _in_words(scores))
    sys.stdout.write("\n")
    return 0 if scores.passed else 1


def _bench(path: Path, prompt: str, *, rounds: int, as_json: bool) -> int:
    if not path.is_file():
        sys.stderr.write(f"There is no file {path}.\n")
        return 2
    stages = time_stages(path, prompt, Settings(), rounds=rounds)
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(stages)).decode() + "\n")
        return 0
    sys.stdout.write("".join(_row(stage) for stage in stages))
    return 0


def _in_words(scores: Scores) -> str:
    values = {name: getattr(scores, name) for name in ("alignment", "motion", "aesthetic", "safety", "aggregate")}
    lines = [f"{name:<10} {'not measured' if value is None else f'{value:.3f}'}" for name, value in values.items()]
    lines.append(f"{'verdict':<10} {'passed' if scores.passed else 'did not pass'}")
    lines.extend(f"  {reason}" for reason in scores.reasons)
    lines.extend(f"  {metric}: {model}" for metric, model in scores.models.items())
    return "\n".join(lines)


def _row(stage: Stage) -> str:
    return f"{stage.name:<22} {stage.ms:8.1f} ms {stage.cpu_ms:8.1f} ms CPU {stage.ratio:6.2f} x bare decode\n"
