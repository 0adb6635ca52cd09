"""CLIP's byte-pair tokenizer in plain Python, for the ONNX engine: the same token ids as open_clip, without torch.

The evaluator's small CLIP uses it with the reduced merges that are shipped beside its weights. Handles what
prompts contain; repairs of wrongly decoded text (which open_clip leaves to ftfy) are not made.
"""

import gzip
import html
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

_START, _END = "<start_of_text>", "<end_of_text>"
# Signs such as ² and Ⅳ, which Python counts among the letters of \w and Unicode among the numbers.
_SIGNS = "".join(chr(code) for code in range(0x3400) if unicodedata.category(chr(code)) in {"Nl", "No"})
# A letter is what \w knows beside numbers and the underscore; each number stands alone, as CLIP has it.
_PIECES = re.compile(
    rf"{_START}|{_END}|'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_{_SIGNS}]+|[\d{_SIGNS}]|(?:[^\s\w]|_)+", re.IGNORECASE
)
_STRAIGHT = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"'})  # noqa: RUF001


def _byte_letters() -> dict[int, str]:
    """A printable letter for each byte value, in CLIP's order of ids."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    rest = [value for value in range(256) if value not in printable]
    letters = {value: chr(value) for value in printable}
    return letters | {value: chr(256 + index) for index, value in enumerate(rest)}


class TinyTokenizer:
    """Turns prompts into token ids.

    Args:
        bpe_path: Gzipped merges, one a line, strongest first, after a line of comment.
        context_length: Number of ids a prompt is padded or cut to.

    Raises:
        OSError: the file is missing or not gzip.
    """

    def __init__(self, bpe_path: Path, *, context_length: int) -> None:
        lines = gzip.decompress(bpe_path.read_bytes()).decode().split("\n")[1:]
        merges = [(first, second) for first, second in (line.split() for line in lines if line)]
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._letter = _byte_letters()
        letters = self._letter.values()
        tokens = [*letters, *(letter + "</w>" for letter in letters), *(a + b for a, b in merges), _START, _END]
        self._ids = {token: index for index, token in enumerate(tokens)}
        self._context_length = context_length
        self._word_ids = lru_cache(maxsize=4096)(self._merge)

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""
        return len(self._ids)

    def __call__(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """Tokenize prompts.

        Returns:
            Shape (len(texts), context_length): start mark, ids, end mark, zeros. A longer prompt is cut; its last id is
            the end mark.
        """
        rows = np.zeros((len(texts), self._context_length), np.int64)
        for row, text in zip(rows, texts, strict=True):
            ids = [self._ids[_START], *self.encode(text), self._ids[_END]][: self._context_length]
            ids[-1] = self._ids[_END]
            row[: len(ids)] = ids
        return rows

    def encode(self, text: str) -> list[int]:
        """Ids of one prompt, without marks and padding."""
        clean = html.unescape(html.unescape(text.translate(_STRAIGHT)))
        clean = " ".join(clean.split()).lower()
        return [token for piece in _PIECES.findall(clean) for token in self._word_ids(piece)]

    def _merge(self, piece: str) -> tuple[int, ...]:
        if piece in (_START, _END):
            return (self._ids[piece],)
        parts = [self._letter[value] for value in piece.encode()]
        parts[-1] += "</w>"
        while len(parts) > 1:
            best = min(pairwise(parts), key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if best not in self._ranks:
                break
            parts = _joined(parts, best)
        return tuple(self._ids[part] for part in parts)


def _joined(parts: list[str], pair: tuple[str, str]) -> list[str]:
    """Replace every occurrence of the pair, from left to right."""
    merged: list[str] = []
    position = 0
    while position < len(parts):
        if tuple(parts[position : position + 2]) == pair:
            merged.append(parts[position] + parts[position + 1])
            position += 2
        else:
            merged.append(parts[position])
            position += 1
    return merged
