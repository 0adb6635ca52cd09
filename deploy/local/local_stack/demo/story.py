"""The demo itself: start the stack, run one premium job, show everything about it, stop the stack."""

import asyncio
import hashlib
import mimetypes
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local_stack.demo import words
from local_stack.demo.gateway import Gateway
from local_stack.demo.report import complaints, make_report
from local_stack.demo.trace import SpanReader
from local_stack.files import write_private
from local_stack.stack import Stack
from local_stack.trace_tree import draw_tree
from local_stack.webhook_sink import WebhookSink

JSON = dict[str, Any]
Say = Callable[[str], None]

PROMPT = (
    "A white ceramic cup stands on a walnut desk in soft morning light; "
    "steam rises from it while the camera slowly moves closer."
)
JOB_WITHIN_S = 180.0
WEBHOOKS_WITHIN_S = 20.0
ASSET_WITHIN_S = 60.0


class Incomplete(Exception):
    """The demo ran, but something that it should show is missing."""


async def run_demo(stack: Stack, say: Say) -> None:
    """Run the demo; a stack that runs already is used as it is and left running.

    Args:
        stack: Where to run it.
        say: Prints one line.

    Raises:
        Incomplete: Something is missing; says what.
        StartFailed: The stack did not start.
        Refused: The gateway refused a call.
        NotFinished: The job did not end in time.
        TimeoutError: The last webhook did not come in time.
    """
    found_running = stack.is_running()
    if not found_running:
        say("Starting Dailies: every part and every service is a process of its own.")
        await asyncio.to_thread(stack.start, lambda line: say(f"  {line}"))
    try:
        report = await _show_one_job(stack, say)
    finally:
        if not found_running:
            await asyncio.to_thread(stack.stop)
            say("Stopped. Data, logs and the report stay in " + str(stack.layout.root))
    missing = complaints(report)
    if missing:
        raise Incomplete("The demo is not complete: " + "; ".join(missing) + ".")


async def _show_one_job(stack: Stack, say: Say) -> JSON:
    spans = SpanReader(stack.layout.spans_file)
    gateway = Gateway.connect(stack.facts)
    try:
        async with WebhookSink() as sink:
            sink.trust(await gateway.webhook_secret())
            job = await _run_job(gateway, sink, say)
            return await _show(job, gateway=gateway, sink=sink, spans=spans, folder=stack.layout.root / "demo", say=say)
    finally:
        await gateway.close()


async def _run_job(gateway: Gateway, sink: WebhookSink, say: Say) -> JSON:
    say(f'\nOne premium job: "{PROMPT}"')
    accepted = await gateway.request(
        {
            "prompt": PROMPT,
            "duration_s": 5,
            "aspect_ratio": "16:9",
            "resolution": "720p",
            "quality": "premium",
            "reuse": "off",  # shown is how a clip is made, each time
            "webhook_url": sink.url,
        }
    )
    say(f"Accepted as {accepted['job_id']}. Live:")
    began = time.monotonic()
    shown = 0
    job: JSON = {}
    async for job in gateway.follow(accepted["job_id"], timeout_s=JOB_WITHIN_S):
        for entry in job["timeline"][shown:]:
            say(f"  {time.monotonic() - began:6.1f} s  {job['state']:15} {entry['message']}")
        shown = len(job["timeline"])
    await sink.wait_for(
        lambda all_: any(one.type == f"job.{job['state']}" for one in all_), timeout_s=WEBHOOKS_WITHIN_S
    )
    return job


async def _show(job: JSON, *, gateway: Gateway, sink: WebhookSink, spans: SpanReader, folder: Path, say: Say) -> JSON:
    files = await _keep_final(job, gateway, folder)
    trace = await spans.whole_trace(job["trace_id"])
    stages = {stage: [clip for clip in job["clips"] if clip["stage"] == stage] for stage in ("draft", "final")}
    chapters = {
        "Why each vendor": words.decision_lines(job["clips"]),
        "Drafts": words.clip_lines(stages["draft"]),
        "The winner": words.choice_lines(job),
        "Final": words.clip_lines(stages["final"]),
        "Cost": words.cost_lines(job),
        "Webhooks received": words.webhook_lines(sink.deliveries),
        "Trace " + job["trace_id"]: [f"  {line}" for line in draw_tree(trace)],
        "Files": [f"  {name:10} {path}" for name, path in files.items()],
    }
    for title, lines in chapters.items():
        say(f"\n{title}")
        for line in lines:
            say(line)
    report = make_report(job, deliveries=sink.deliveries, spans=trace, files=files)
    write_private(folder / "report.json", report)
    return report


async def _keep_final(job: JSON, gateway: Gateway, folder: Path) -> dict[str, str]:
    """Download the delivered clip, signed, and what was derived from it, and check each against its digest.

    Raises:
        Incomplete: The bytes are not those that were stored.
        NotFinished: The clip was not signed in time.
    """
    files = {"report": str(folder / "report.json")}
    if job["delivered_clip_id"] is None:
        return files
    asset = await gateway.delivered_asset(job["delivered_clip_id"], timeout_s=ASSET_WITHIN_S)
    for name in ("final", "poster", "preview", "share_gif", "crop_9x16", "rights"):
        if name in asset["files"]:
            content = await gateway.download(asset["files"][name]["path"])
            if hashlib.sha256(content).hexdigest() != asset["files"][name]["sha256"]:
                raise Incomplete(f"The downloaded {name} is not what was stored: its digest differs.")
            suffix = mimetypes.guess_extension(asset["files"][name]["media_type"]) or ""
            files[name] = str(_write(folder / f"{name}{suffix}", content))
    return files


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
