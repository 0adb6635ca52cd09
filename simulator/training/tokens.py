"""The reduced vocabulary: a rank-preserving part of CLIP's byte-pair merges, enough for the words of the grammar.

Written as a file that open_clip reads through `bpe_path`; the stock vocabulary alone would weigh three times
the model.
"""

import gzip
from itertools import pairwise
from pathlib import Path
from typing import cast

from open_clip.tokenizer import SimpleTokenizer
from simulator.scenes import ignored_words, vocabulary

CONTEXT_LENGTH = 32
BPE_FILE = "bpe_merges.txt.gz"
_N_MERGES = 1586  # 256 bytes, twice, and two marks: 2,100 tokens


def write_bpe(path: Path) -> None:
    """Write the merges that the grammar's words need, filled up with the most frequent ones."""
    ranks = cast("dict[tuple[str, str], int]", SimpleTokenizer().bpe_ranks)
    ranked = sorted(ranks, key=lambda pair: ranks[pair])
    kept = {pair for word in sorted(vocabulary() | ignored_words()) for pair in _merges_of(word, ranks)}
    for pair in ranked:
        if len(kept) >= _N_MERGES:
            break
        kept.add(pair)
    lines = ["#version: reduced", *(" ".join(pair) for pair in ranked if pair in kept)]
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as packed:
        packed.write("\n".join(lines).encode())


def _merges_of(word: str, ranks: dict[tuple[str, str], int]) -> set[tuple[str, str]]:
    """The merges that stock CLIP applies to one word."""
    parts = [*word[:-1], word[-1] + "</w>"]
    used = set()
    while len(parts) > 1:
        pairs = list(pairwise(parts))
        best = min(pairs, key=lambda pair: ranks.get(pair, len(ranks)))
        if best not in ranks:
            break
        used.add(best)
        at = pairs.index(best)
        parts[at : at + 2] = ["".join(best)]
    return used


def read_tokenizer(path: Path) -> SimpleTokenizer:
    """open_clip's own tokenizer on the reduced merges."""
    return SimpleTokenizer(bpe_path=str(path), context_length=CONTEXT_LENGTH)
