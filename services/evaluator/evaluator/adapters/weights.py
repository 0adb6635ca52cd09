"""Model folders: read what describes a model, and refuse weights that are not the ones expected."""

import hashlib
import json
from pathlib import Path
from typing import Any

from runtime.errors import Permanent

from evaluator.domain.alignment import Calibration, Contrasting
from evaluator.domain.identity import Drift
from evaluator.domain.questions import Rivals, Vocabulary

TINY_MODEL = Path(__file__).parent.parent / "models" / "tiny_scenes"
"""The small CLIP that is shipped with the evaluator."""
SUMS_FILE = "SHA256SUMS"


def sha256_of(path: Path) -> str:
    """Give the hex digest of a file.

    Raises:
        Permanent: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        raise Permanent("model.missing", f"Cannot read the model file {path}: check the setting.") from err


def verified(path: Path, expected_sha256: str) -> str:
    """Check a weights file against its digest; give the digest.

    Raises:
        Permanent: Another digest, or no such file.
    """
    found = sha256_of(path)
    if found != expected_sha256.lower():
        raise Permanent("model.wrong_digest", f"{path} has the digest {found}, expected {expected_sha256}.")
    return found


def listed_digest(folder: Path, name: str) -> str:
    """Look a file's digest up in the folder's SHA256SUMS.

    Raises:
        Permanent: It is not listed there.
    """
    sums = folder / SUMS_FILE
    lines = sums.read_text().splitlines() if sums.is_file() else []
    for digest, _, listed in (line.partition("  ") for line in lines):
        if listed == name:
            return digest
    raise Permanent("model.no_digest", f"{sums} does not list {name}: restore the model folder.")


def read_calibration(path: Path) -> Calibration:
    """Read a model's calibration: `{"id": ..., "slope": ..., "offset": ...}`.

    Optional: `"contrasting": {"lost", "won", "kept", "rivals": {kind: {word: [phrases]}}}` and
    `"drift": {"same", "other"}`.

    Raises:
        Permanent: Missing or of another form.
    """
    values = read_json(path)
    try:
        return Calibration(
            id=str(values["id"]),
            slope=float(values["slope"]),
            offset=float(values["offset"]),
            contrasting=_contrasting(values["contrasting"]) if "contrasting" in values else None,
            drift=Drift(**values["drift"]) if "drift" in values else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        raise Permanent("model.bad_calibration", f"{path} needs id, slope and offset.") from err


def _contrasting(values: Any) -> Contrasting:
    rivals = tuple(
        Rivals(kind, {phrase: word for word, phrases in words.items() for phrase in phrases})
        for kind, words in values["rivals"].items()
    )
    return Contrasting(lost=float(values["lost"]), won=float(values["won"]), kept=float(values["kept"]), rivals=rivals)


def read_vocabulary(path: Path) -> Vocabulary:
    """Read the words that a model knows.

    Raises:
        Permanent: Missing or of another form.
    """
    values = read_json(path)
    try:
        return Vocabulary(known=frozenset(values["known"]), without_content=frozenset(values["without_content"]))
    except (KeyError, TypeError) as err:
        raise Permanent("model.bad_vocabulary", f"{path} needs known and without_content.") from err


def read_json(path: Path) -> Any:
    """Read a JSON file of a model folder.

    Raises:
        Permanent: Missing or not JSON.
    """
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as err:
        raise Permanent("model.missing", f"Cannot read {path}: check the setting.") from err
