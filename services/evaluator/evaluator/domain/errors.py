"""What can be wrong with a clip: raised by the decoder and the metrics, told as a failing score, never as a crash."""

from runtime.errors import DailiesError


class InvalidClip(DailiesError):
    """The file is not a clip that can be judged; `code` is one of `clip.*`, `detail` a sentence for people."""
