"""What scoring needs from models: the protocols that the adapters implement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from evaluator.domain.alignment import Calibration
from evaluator.domain.arrays import Embedding, Floats, RgbFrame, Squares
from evaluator.domain.questions import Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentModel:
    """What identifies an alignment model in every score that it gave.

    Attributes:
        id: Name and version of the weights.
        engine: What runs them.
        weights_sha256: Hex digest of the weights file.
        preprocessing: Name of the path from frame to input.
        calibration: From cosine to score; belongs to these weights.
        vocabulary: The words that it knows; None for a model trained on everything.
    """

    id: str
    engine: str
    weights_sha256: str
    preprocessing: str
    calibration: Calibration
    vocabulary: Vocabulary | None = None

    @property
    def label(self) -> str:
        """One line for `Scores.models`."""
        return f"{self.id}@{self.weights_sha256[:12]} {self.engine} {self.preprocessing} {self.calibration.id}"


class AlignmentEngine(Protocol):
    """A CLIP: pictures and words into one space of unit vectors."""

    @property
    def model(self) -> AlignmentModel:
        """What it runs."""
        ...

    def embed_images(self, frames: Sequence[RgbFrame]) -> Embedding:
        """Embed pictures of any size: unit vectors, (N, D)."""
        ...

    def embed_text(self, prompt: str) -> Embedding:
        """Embed a prompt: a unit vector, (D,)."""
        ...


class BatchableEngine(AlignmentEngine, Protocol):
    """A CLIP whose preparation of pictures can be apart from its run, so that several clips share one run."""

    def squares(self, frames: Sequence[RgbFrame]) -> Squares:
        """Cut and scale pictures of any size as the model takes them."""
        ...

    def embed_squares(self, squares: Squares) -> Embedding:
        """Embed prepared pictures: unit vectors, (N, D); called by one thread at a time."""
        ...


class SafetyEngine(Protocol):
    """A classifier of harmful pictures."""

    @property
    def model_id(self) -> str:
        """Name and version of the weights."""
        ...

    def unsafe(self, frames: Sequence[RgbFrame]) -> list[float]:
        """Give the probability of unsafe content per picture, each in [0, 1]."""
        ...


class ClipFeatures(Protocol):
    """From a clip to one vector, for comparing sets of clips.

    Attributes:
        id: Name and version; vectors of different ids are not compared.
        n_features: Length of a vector.
        is_i3d: Its distances may be called FVD.
    """

    id: str
    n_features: int
    is_i3d: bool

    def extract(self, frames: Sequence[RgbFrame]) -> Floats:
        """Give the features of a clip's pictures, evenly spread and in order: shape (D,)."""
        ...
