"""Find what is said to the machine, not about the picture: "make a video of", "5 seconds", "16:9". Part of parsing."""

import re

_COMMAND = re.compile(
    r"^(?:please\s+)?(?:(?:can|could)\s+you\s+)?"
    r"(?:make|create|generate|produce|render|show|give|i\s+want|i\s+need|we\s+want)\s+(?:me\s+|us\s+)?"
    r"(?:(?:an?|the)\s+)?(?:[\w-]+\s+){0,3}?(?:video|clip|film|movie|animation|shot)\s+"
    r"(?:of|showing|that\s+shows|in\s+which|where|about|with)\s+",
    re.IGNORECASE,
)
_MEDIUM = re.compile(r"^(?:an?\s+)?(?:[\w-]+\s+)?(?:video|clip)\s+(?:of|showing|that\s+shows)\s+", re.IGNORECASE)
_SETTING = re.compile(
    r"^(?:an?\s+)?(?:(?:duration|length|aspect\s+ratio|ratio|format|resolution)\s*:?\s*)?"
    r"(?:\d{1,3}(?:\.\d+)?[\s-]*(?:s|sec|secs|seconds?)|\d{1,2}\s*[:x]\s*\d{1,2}|\d{3,4}p|"
    r"vertical|horizontal|portrait(?:\s+mode)?|landscape\s+mode|square)"
    r"(?:\s+(?:long|video|clip|format|aspect|ratio|aspect\s+ratio|resolution))*$",
    re.IGNORECASE,
)


def drop_command(text: str) -> str:
    """Take "Make a video of" off the front of a prompt; the text itself where it starts otherwise."""
    for pattern in (_COMMAND, _MEDIUM):
        stripped = pattern.sub("", text, count=1)
        if stripped != text and stripped:
            return stripped
    return text


def is_setting(clause: str) -> bool:
    """Tell whether a clause only repeats a setting that the request has a field for."""
    return _SETTING.match(clause) is not None
