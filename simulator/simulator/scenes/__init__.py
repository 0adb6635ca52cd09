"""Scenes: a small grammar of everyday pictures, a parser for prompts, and a renderer of real video files.

The simulated vendors render their clips here, and the small CLIP that scores them was trained on the same
grammar. Everything is pure but `render_clip`, which encodes.
"""

from simulator.scenes.canvas import UInt8Frame
from simulator.scenes.captions import caption, sample_scene
from simulator.scenes.defects import draft_defects, take_flaws
from simulator.scenes.encode import render_clip
from simulator.scenes.grammar import Defect, DefectKind, Quality, Scene, Subject
from simulator.scenes.parse import ignored_words, parse_prompt, vocabulary
from simulator.scenes.render import render_frames

__all__ = [
    "Defect",
    "DefectKind",
    "Quality",
    "Scene",
    "Subject",
    "UInt8Frame",
    "caption",
    "draft_defects",
    "ignored_words",
    "parse_prompt",
    "render_clip",
    "render_frames",
    "sample_scene",
    "take_flaws",
    "vocabulary",
]
