import io
from pathlib import Path

import av
import numpy as np
import pytest
from media.probe import Unreadable
from media.stills import first_frame
from simulator.scenes import render_clip


def test_the_first_frame_is_a_picture_of_the_clips_beginning(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(render_clip("a red ball on a table", duration_s=0.5, size_px=(128, 72)))
    picture = first_frame(path)
    with av.open(io.BytesIO(picture)) as still, av.open(str(path)) as clip:
        seen = next(still.decode(video=0)).to_ndarray(format="rgb24").astype(int)
        shown = next(clip.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    assert seen.shape == shown.shape == (72, 128, 3)
    assert np.abs(seen - shown).mean() < 4


def test_what_is_no_clip_has_no_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"no clip at all")
    with pytest.raises(Unreadable):
        first_frame(path)
