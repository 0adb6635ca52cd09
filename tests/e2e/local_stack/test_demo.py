"""The demo is whole: exit status, report and clip."""

import json
import subprocess
import sys
from pathlib import Path

import av
import pytest


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_demo_shows_one_job_from_request_to_webhook(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local_stack", "--dir", str(tmp_path), "demo"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)  # noqa: S603 - our own program
    assert run.returncode == 0, run.stdout + run.stderr
    assert not (tmp_path / "stack.json").exists()

    report = json.loads((tmp_path / "demo" / "report.json").read_text())
    assert report["job"]["state"] == "ready"
    assert {clip["stage"] for clip in report["clips"]} == {"draft", "final"}
    assert all(webhook["verified"] for webhook in report["webhooks"])
    assert len({span["trace_id"] for span in report["spans"]}) == 1

    with av.open(report["files"]["final"]) as clip:
        (picture,) = clip.streams.video
        assert (picture.codec_context.name, picture.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert sum(1 for _ in clip.decode(picture)) > 1
