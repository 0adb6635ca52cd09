"""Google's own client against both dialects of Veo, and its requests next to ours.

Version 2.9 is the last that speaks the Gemini dialect for Veo; 3.4 refuses it and speaks Vertex's.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from provider_workers.domain.adapter import Succeeded, TaskRef
from testkit.wire import compare

DRIVER = Path(__file__).with_name("genai_client.py")
SECOND_VERSION = Path(sys.prefix) / "google-genai-3.4"
PROMPT = "a red ball rolls over a table"
DIALECTS = {
    "gemini": ("veo-gemini", "veo-3.1-fast-generate-preview", "x-goog-api-key"),
    "vertex": ("veo", "veo-3.1-fast-generate-001", "authorization"),
}
HOW_MANY = {"body.parameters.sampleCount": "We name the number of clips that we pay for; the client leaves it out."}
STABLE = {"path": "The client is written for v1beta1; v1 has everything that we use and is the stable version."}
REASONS = {"gemini": HOW_MANY, "vertex": HOW_MANY | STABLE}
"""Every difference with its reason, by the place where it is."""
TO_POLL = {"gemini": ("GET", "/operations/"), "vertex": ("POST", ":fetchPredictOperation")}


async def by_client(tap, dialect, /, **ask):
    """Let Google's client do it, in the version that speaks the dialect."""
    env = dict(os.environ)
    if dialect == "vertex":
        assert SECOND_VERSION.is_dir(), "`make .venv/test` installs the second version"
        env["PYTHONPATH"] = f"{SECOND_VERSION}{os.pathsep}{env.get('PYTHONPATH', '')}"
    fields = {"dialect": dialect, "base_url": f"{tap.url}/veo", "key": "sim-veo-key", "prompt": PROMPT}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(DRIVER), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=env
    )
    said, _ = await process.communicate(json.dumps(fields | {"model": DIALECTS[dialect][1]} | ask).encode())
    assert process.returncode == 0
    return json.loads(said)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_googles_client_gets_its_clip_and_asks_as_we_do(dialect, tap, our_adapter, order):
    adapter_name, _, key_header = DIALECTS[dialect]
    negative, seed = "people", 7
    config = {"duration_seconds": 4, "aspect_ratio": "16:9", "resolution": "720p", "negative_prompt": negative}
    is_vertex = dialect == "vertex"
    if is_vertex:
        config |= {"seed": seed, "generate_audio": False}
    answer = await by_client(tap, dialect, config=config)
    assert (answer["heads"], answer["version"].split(".")[0]) == (["ftyp"], {"gemini": "2", "vertex": "3"}[dialect])
    theirs, their_poll = tap.last("POST", ":predictLongRunning"), tap.last(*TO_POLL[dialect])

    adapter = our_adapter(adapter_name, provider="veo", project="film", location="us-central1")
    ordered = order(model="veo-3.1-fast-generate-001", duration_s=4, negative_prompt=negative, seed=seed)
    await adapter.submit(ordered)
    ours = tap.last("POST", ":predictLongRunning")
    compare(theirs, ours, headers=(key_header, "content-type"), reasons=REASONS[dialect])

    # The same task, so that nothing but the asking differs.
    outcome = await adapter.poll(TaskRef(answer["name"], ordered.model, from_image=False))
    assert isinstance(outcome, Succeeded)
    compare(
        their_poll, tap.last(*TO_POLL[dialect]), headers=(key_header,), reasons=STABLE if dialect == "vertex" else {}
    )
