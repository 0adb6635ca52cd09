"""Reference sets on disk: the folded features of many clips in one file, so that they are decoded once."""

import zipfile
from pathlib import Path

import numpy as np
from runtime.errors import Permanent

from evaluator.domain.comparison import N_PARTS, Gathered
from evaluator.domain.frechet import Moments


def save_reference(path: Path, reference: Gathered) -> None:
    """Write a reference set; the file holds numbers only, never code."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            extractor=np.array(reference.extractor),
            n=np.array([part.n for part in reference.parts]),
            mean=np.stack([part.mean for part in reference.parts]),
            scatter=np.stack([part.scatter for part in reference.parts]),
            kept=reference.kept,
        )


def load_reference(path: Path) -> Gathered:
    """Read a reference set.

    Raises:
        Permanent: There is no such file, or it is none of ours.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            parts = tuple(
                Moments(int(n), mean, scatter)
                for n, mean, scatter in zip(file["n"], file["mean"], file["scatter"], strict=True)
            )
            reference = Gathered(str(file["extractor"]), parts, file["kept"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as err:
        raise Permanent(
            "benchmark.bad_reference", f"{path} is no reference set: write one with `evaluator fvd --write-reference`."
        ) from err
    if len(reference.parts) != N_PARTS:
        raise Permanent("benchmark.bad_reference", f"{path} has {len(reference.parts)} parts, not {N_PARTS}.")
    return reference
