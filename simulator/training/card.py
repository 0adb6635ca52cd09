"""The model card: what the shipped model knows, what it does not, and its figures."""

from collections.abc import Mapping
from pathlib import Path

from simulator.scenes import grammar as g

from training.calibrate import CALIBRATION_ID, KEPT
from training.model import MODEL_ID

_TEXT = """# {model_id}

A CLIP of two million weights that scores how well a clip of the scene grammar (`simulator.scenes`) fits a
prompt. It is the evaluator's default where no larger CLIP is installed: it makes the demo's alignment score
mean something, and nothing more.

## What it knows
- subjects: {subjects}
- colours: {colours}
- places: {places}
- light: {lights}

with the synonyms in `vocabulary.json`, drawn the way the simulator draws them.

## What it does not know
- Real footage, and any word outside `vocabulary.json`: the score of such a prompt means nothing. Look the
  words up first.
- Motion and camera words: single frames do not show them. Size words hardly count.
- Counting ("three birds"), spatial relations ("left of"), negation. Naming something that is not there lowers the
  cosine only a little, so exclusions are noticed late.
- Scores of different models or calibrations cannot be compared; every result carries `{model_id}` and
  `{calibration_id}`.

## Files
- `open_clip_model.safetensors`, `open_clip_config.json`: fp16 weights; `open_clip.create_model("local-dir:FOLDER")`
- `bpe_merges.txt.gz`: reduced merges; `bpe_path` of open_clip's tokenizer, or `evaluator.adapters.tiny_tokenizer`
- `image_tower.onnx`: `pixels` (N, 3, 64, 64) float32 to `embedding` (N, 128) of unit length
- `text_tower.onnx`: `tokens` (N, 32) int64 to `embedding` (N, 128) of unit length
- `calibration.json`: score = 1 / (1 + exp(-(slope * cosine + offset))), what a lost contrast with a rival word costs,
  and which cosine of a clip's halves is drift
- `vocabulary.json`: words with a meaning, and words that carry none
- `figures.json`: the figures below, unrounded
- `SHA256SUMS`: for `sha256sum -c`

Preprocessing: RGB, centre square, area averaging to 64x64, divided by 255, then CLIP's mean and standard
deviation. For a clip: mean of the frame embeddings, scaled to unit length, then the cosine with the text.

## Calibration
The curve is fitted to how well a prompt fits a clip, on half of the held-out clips: 1 for a full match; every
wrong attribute multiplies by what is kept ({weights}).
The figures below show where the curve puts the other half. Subjects and colours are also asked against their rivals,
one word of the prompt at a time; that is not in these figures.

## Figures
All on compositions of subject, colour and place that were never drawn in training. "Choice" is the share of right
decisions between the true caption and one that is wrong in a single attribute; chance is 0.5.

| | stills | clips, 8 frames pooled |
|---|---|---|
{rows}

Training: {training}.

The merges are a subset of those of OpenAI's CLIP (MIT licence). The weights were trained from nothing on
pictures of our own drawing: `python -m training.train_tiny_clip --out FOLDER`, in `simulator/`.
"""


def write_card(
    path: Path, *, stills: Mapping[str, float], clips: Mapping[str, float], training: Mapping[str, float]
) -> None:
    """Write the card."""
    names = sorted(set(stills) | set(clips))
    rows = [f"| {name.replace('_', ' ')} | {_cell(stills, name)} | {_cell(clips, name)} |" for name in names]
    path.write_text(
        _TEXT.format(
            model_id=MODEL_ID,
            calibration_id=CALIBRATION_ID,
            subjects=", ".join(g.SUBJECTS),
            colours=", ".join(g.COLOURS),
            places=", ".join(g.PLACES),
            lights=", ".join(g.LIGHTS),
            weights=", ".join(f"{name} {weight}" for name, weight in KEPT.items()),
            rows="\n".join(rows),
            training=", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in training.items()),
        )
    )


def _cell(figures: Mapping[str, float], name: str) -> str:
    return f"{figures[name]:.3f}" if name in figures else ""
