"""Read the rule files: the ones shipped in `rules/`, or a folder of the operator's own."""

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeVar

import msgspec
from runtime.errors import Permanent

from compiler.domain.rules import PolicyFile, PresetsFile, Rules, SofteningFile, VocabularyFile, build_rules

_File = TypeVar("_File")

FILES = ("vocabulary.toml", "presets.toml", "policy.toml", "softening.toml")


def load_rules(folder: Path | None = None) -> Rules:
    """Read and check the rule files.

    Args:
        folder: Where they lie; None: the shipped ones.

    Raises:
        Permanent: A file is missing or a value is wrong; the message names the file.
    """
    source: Traversable = files("compiler").joinpath("rules") if folder is None else folder
    bodies = {name: _read(source, name) for name in FILES}
    digest = hashlib.sha256(b"\0".join(bodies[name] for name in FILES)).hexdigest()[:8]
    try:
        return build_rules(
            _decode(bodies, "vocabulary.toml", VocabularyFile),
            _decode(bodies, "presets.toml", PresetsFile),
            _decode(bodies, "policy.toml", PolicyFile),
            _decode(bodies, "softening.toml", SofteningFile),
            digest=digest,
        )
    except ValueError as err:
        raise Permanent("compiler.rules_invalid", f"{source}: {err}. Correct the file and start again.") from err


def _read(source: Traversable, name: str) -> bytes:
    try:
        return source.joinpath(name).read_bytes()
    except OSError as err:
        raise Permanent("compiler.rules_missing", f"{source}/{name} cannot be read: {err}.") from err


def _decode(bodies: dict[str, bytes], name: str, shape: type[_File]) -> _File:
    try:
        return msgspec.toml.decode(bodies[name], type=shape)
    except msgspec.MsgspecError as err:
        raise ValueError(f"{name}: {err}") from err
