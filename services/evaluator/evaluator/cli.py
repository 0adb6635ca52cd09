"""The command line: the service, or one local file scored or timed with the same code."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from dailies_contracts import Ask, Scores
from runtime.errors import DailiesError, Permanent

from evaluator.domain.asked import MOVES
from evaluator.loading import load_scorer
from evaluator.settings import Settings
from evaluator.stages import Stage, time_stages


def main(arguments: Sequence[str]) -> int:
    """Run a command; without one, the service.

    Returns:
        0; 1 where the clip did not pass; 2 where the command could not run.
    """
    asked = parser().parse_args(arguments)
    try:
        match asked.command:
            case "score":
                return _score(asked.file, asked.prompt, read_order(asked.ask), as_json=asked.json)
            case "bench":
                return _bench(asked.file, asked.prompt, rounds=asked.rounds, as_json=asked.json)
            case "fvd" | "agreement":
                # NATS and the object store take a second to import, which scoring a file should not wait for.
                from evaluator import reports  # noqa: PLC0415

                return reports.run(asked)
            case _:
                return _serve()
    except DailiesError as err:
        sys.stderr.write(f"{err}\n")
        return 2


def parser() -> argparse.ArgumentParser:
    """Give the commands and their arguments."""
    known = argparse.ArgumentParser(prog="evaluator", description="Scores clips; without a command, runs the service.")
    commands = known.add_subparsers(dest="command")
    for name, sentence in (("score", "Score one local file."), ("bench", "Time each stage on one local file.")):
        command = commands.add_parser(name, help=sentence, description=sentence)
        command.add_argument("file", type=Path, help="a video file")
        command.add_argument("--json", action="store_true", help="print JSON")
        command.add_argument("--prompt", required=name == "score", default="a red ball", help="what it should show")
    commands.choices["score"].add_argument(
        "--ask", default="", metavar="JSON", help='what else was ordered, as in ClipReady: {"camera": ["orbit"], …}'
    )
    commands.choices["bench"].add_argument("--rounds", type=int, default=3, help="best of so many")
    _add_fvd(commands.add_parser("fvd", help="Compare clips with a reference set."))
    _add_agreement(commands.add_parser("agreement", help="Say how often people agree with the scores."))
    return known


def _add_fvd(command: argparse.ArgumentParser) -> None:
    command.description = "Compare local clips, or a vendor's recent ones, with a reference set."
    command.add_argument("clips", nargs="*", type=Path, help="video files, or folders of them")
    command.add_argument("--reference", type=Path, help="a set that --write-reference wrote, or a folder of clips")
    command.add_argument("--write-reference", type=Path, metavar="FILE", help="write the clips' set instead")
    command.add_argument("--provider", default="", help="compare this vendor's stored clips instead of files")
    command.add_argument("--model", default="", help="only this model of the vendor")
    command.add_argument("--hours", type=float, default=168.0, help="only clips of the last so many hours")
    command.add_argument("--publish", action="store_true", help="write the result to the bucket `benchmarks`")
    command.add_argument("--json", action="store_true", help="print JSON")


def _add_agreement(command: argparse.ArgumentParser) -> None:
    command.description = "Compare people's ratings and reviews with the scores of the same clips."
    command.add_argument("--hours", type=float, default=0.0, help="only what happened in the last so many hours")
    command.add_argument("--json", action="store_true", help="print JSON")


def _serve() -> int:
    # The service's libraries take a second to import, which scoring a file should not wait for.
    from runtime.service import run_service  # noqa: PLC0415

    from evaluator.app import run  # noqa: PLC0415

    run_service(run(Settings()))
    return 0


def read_order(text: str) -> Ask | None:
    """Read what was ordered beside the prompt; None where nothing was said.

    Raises:
        Permanent: Not the JSON of an `Ask`, a field or a move that nobody knows.
    """
    if not text:
        return None
    try:
        ask = msgspec.json.decode(text, type=Ask)
        fields = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except msgspec.MsgspecError as err:
        raise Permanent("order.malformed", f"--ask: {err}") from err
    # On the bus both are passed over, since a newer publisher may know more; here they are slips of the pen.
    _check_known("field", fields, Ask.__struct_fields__)
    _check_known("camera move", ask.camera, MOVES)
    return ask


def _check_known(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in set(names) - set(known):
        raise Permanent("order.unknown", f"--ask: there is no {what} `{name}`; known are {', '.join(known)}")


def _score(path: Path, prompt: str, ask: Ask | None, *, as_json: bool) -> int:
    if not path.is_file():
        sys.stderr.write(f"There is no file {path}.\n")
        return 2
    scores = load_scorer(Settings()).score(path, prompt, ask)
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
