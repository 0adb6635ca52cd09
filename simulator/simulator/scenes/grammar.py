"""The scene grammar: what a clip may show, as frozen structs and literal types.

First stop of the renderer: `parse.py` makes a Scene from a prompt, `stage.py` draws it, `captions.py` puts it
back into words. The training set of the small CLIP is drawn from the same grammar, so a word known here is a
word that the score understands.
"""

from typing import Literal, get_args

from msgspec import Struct

SubjectName = Literal[
    "cup", "ball", "car", "boat", "tree", "house", "kite", "fox", "cat", "bird", "fish", "flower",
    "lamp", "book", "star", "balloon", "rocket", "umbrella",
]  # fmt: skip
ColourName = Literal[
    "red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "brown", "black", "white", "grey"
]
PlaceName = Literal[
    "plain", "desk", "beach", "forest", "street", "field", "room", "sea", "sky", "snow", "city", "desert", "mountains"
]
LightName = Literal["day", "morning", "sunset", "night", "studio"]
CameraName = Literal[
    "static", "dolly_in", "dolly_out", "pan_left", "pan_right", "tilt_up", "tilt_down", "orbit", "handheld",
    "orbit_clockwise", "orbit_counterclockwise",
]  # fmt: skip
"""An orbit goes clockwise as seen from above, the camera to its left, unless the other way is asked for."""
MotionName = Literal["still", "left", "right", "bouncing", "rotating", "rising", "falling", "swaying"]
SizeName = Literal["small", "medium", "large"]
LightChange = Literal["steady", "darkening", "brightening", "pulsing"]
DefectKind = Literal[
    "flicker",
    "jump_cut",
    "morph",
    "freeze",
    "blur",
    "noise",
    "wrong_subject",
    "wrong_colour",
    "wrong_duration",
    "unsafe",
]
Quality = Literal["draft", "final"]

SUBJECTS: tuple[SubjectName, ...] = get_args(SubjectName)
COLOURS: tuple[ColourName, ...] = get_args(ColourName)
PLACES: tuple[PlaceName, ...] = get_args(PlaceName)
LIGHTS: tuple[LightName, ...] = get_args(LightName)
CAMERAS: tuple[CameraName, ...] = tuple(name for name in get_args(CameraName) if not name.startswith("orbit_"))
"""What scenes are drawn from. The sides of an orbit are left out: the small CLIP has no words for them."""
MOTIONS: tuple[MotionName, ...] = get_args(MotionName)
SIZES: tuple[SizeName, ...] = get_args(SizeName)

MAX_SUBJECTS = 2  # more do not fit side by side in an upright frame


class Subject(Struct, frozen=True, kw_only=True):
    """One thing in the scene; `colour` None means the usual colour of its kind."""

    name: SubjectName
    colour: ColourName | None = None
    size: SizeName = "medium"
    motion: MotionName = "still"


class Scene(Struct, frozen=True, kw_only=True):
    """Everything that a clip shows.

    Attributes:
        subjects: At most two, left to right; empty when the prompt names none that is known.
        place: Where it is; None draws a plain backdrop.
        place_colour: Colour of the desk, wall, ground or backdrop; None draws the usual one.
        light: None draws daylight.
        light_change: What the light does while the clip runs.
        camera: How the view moves.
        steam: Whether steam rises from the first subject.
        unknown_words: Content words of the prompt that the grammar does not know, in order, without repeats.
    """

    subjects: tuple[Subject, ...] = ()
    place: PlaceName | None = None
    place_colour: ColourName | None = None
    light: LightName | None = None
    light_change: LightChange = "steady"
    camera: CameraName = "static"
    steam: bool = False
    unknown_words: tuple[str, ...] = ()


class Defect(Struct, frozen=True, kw_only=True):
    """A fault painted into a clip on purpose; strength 0 changes nothing, 1 is gross."""

    kind: DefectKind
    strength: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a strength outside [0, 1]."""
        if not 0.0 <= self.strength <= 1.0:
            raise ValueError(f"strength must be in [0, 1], not {self.strength}")
