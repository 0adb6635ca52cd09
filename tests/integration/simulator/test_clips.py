"""Rendered clips: real video of the asked size and length, made once, and going on from a first frame."""

import base64
import io
from collections.abc import AsyncIterator

import av
import cv2
import numpy as np
import pytest
from simulator.anchor import push_in, recognised
from simulator.engine import small_clip
from simulator.media import clip_key, render, render_on
from simulator.tasks import ClipSpec, DefectKind, UnreadablePicture
from testkit.sinks import WebhookSink

CUP = ClipSpec(prompt="a white cup on a wooden desk", duration_s=1.0, size_px=(320, 180), seed=3, quality="draft")
BALL = ClipSpec(prompt="a red ball in a park", duration_s=1.0, size_px=(320, 180), seed=4, quality="draft")


def frames(content: bytes) -> np.ndarray:
    with av.open(io.BytesIO(content)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def png(frame: np.ndarray) -> bytes:
    return cv2.imencode(".png", frame[:, :, ::-1])[1].tobytes()


@pytest.fixture(scope="module")
def known() -> list[tuple[ClipSpec, bytes]]:
    return [(clip, render(clip)) for clip in (CUP, BALL)]


def test_the_defects_of_faults_are_the_ones_that_can_be_painted() -> None:
    from simulator.scenes import DefectKind as Painted  # noqa: PLC0415

    assert DefectKind == Painted


def test_a_frame_of_a_rendered_clip_is_recognised(known) -> None:
    for clip, content in known:
        assert recognised(png(frames(content)[10]), known) == clip
    foreign = np.random.default_rng(1).integers(0, 255, (180, 320, 3), np.uint8)
    assert recognised(png(foreign), known) is None


def test_an_anchored_clip_shows_the_same_scene(known) -> None:
    anchor = frames(known[0][1])[0]
    final = ClipSpec(prompt=CUP.prompt, duration_s=1.0, size_px=(640, 360), seed=99, first_frame="x")
    shown = frames(render_on(png(anchor), final, known))
    assert shown.shape[1:] == (360, 640, 3)
    assert np.abs(cv2.resize(shown[0], (320, 180)).astype(int) - anchor).mean() < 12


def test_anchored_takes_of_other_seeds_differ_and_those_of_one_seed_do_not(known) -> None:
    anchor = png(frames(known[0][1])[0])

    def take(seed: int) -> np.ndarray:
        final = ClipSpec(prompt=CUP.prompt, duration_s=0.5, size_px=(320, 180), seed=seed, first_frame="x")
        return frames(render_on(anchor, final, known))

    one, again, other = take(98), take(98), take(99)
    assert np.array_equal(one, again)
    assert 0.1 < np.abs(one.astype(int) - other).mean() < 8


def test_a_foreign_picture_becomes_a_push_in_on_itself() -> None:
    picture = cv2.resize(np.random.default_rng(1).integers(0, 255, (8, 8, 3), np.uint8), (400, 400))
    shown = frames(push_in(png(picture), ClipSpec(prompt="x", duration_s=1.0, size_px=(320, 180), seed=0)))
    assert shown.shape == (24, 180, 320, 3)
    assert np.abs(shown[0].astype(int) - shown[-1]).mean() > 1


def test_a_clip_ends_with_its_last_frame(known) -> None:
    anchor, last = frames(known[0][1])[0], frames(known[1][1])[5]
    grey = np.full((180, 320, 3), 90, np.uint8)
    spec = ClipSpec(prompt=CUP.prompt, duration_s=1.0, size_px=(320, 180), seed=3, audio=True)
    for first in (png(anchor), png(grey), None):
        shown = frames(render_on(first, spec, known, png(last)))
        assert len(shown) == 24
        assert np.abs(shown[-1].astype(int) - last).mean() < 6
        assert np.abs(shown[0].astype(int) - last).mean() > 20
    assert np.abs(frames(render_on(png(anchor), spec, known, png(last)))[0].astype(int) - anchor).mean() < 12
    with pytest.raises(UnreadablePicture):
        render_on(png(grey), spec, known, b"no picture")


async def test_a_clip_follows_prompt_size_and_length_and_is_rendered_once(bench, kling, http, state_dir) -> None:
    bench.tune(small_clips=False)
    await kling.submit("a red ball in a park", settings={"resolution": "720p", "aspect_ratio": "9:16"})
    (task,) = await bench.ended(timeout_s=60)
    url = (await kling.task(task_ids=task.id))[0]["outputs"][0]["url"]
    shown = frames((await http.get(url)).content)
    assert shown.shape == (120, 1280, 720, 3)
    assert (state_dir / "clips" / f"{clip_key(task.clips[0])}.mp4").exists()
    assert task.clips[0].quality == "draft"


async def test_the_same_prompt_sent_twice_is_two_different_takes(bench, kling) -> None:
    bench.tune(small_clips=False, latency={"kling": {"median_s": 1e6, "p95_s": 1e6}})
    for _ in range(2):
        await kling.submit("a cup")
    assert len({task.clips[0].seed for task in bench.tasks}) == 2


async def test_a_premium_model_renders_cleanly(bench, kling) -> None:
    bench.tune(small_clips=False, latency={"kling": {"median_s": 1e6, "p95_s": 1e6}})
    await kling.submit(model="kling-3.0", settings={"resolution": "1080p"})
    assert (bench.tasks[0].clips[0].quality, bench.tasks[0].clips[0].size_px) == ("final", (1920, 1080))


class TestImageToVideo:
    """Both vendors, with pictures inline and by URL."""

    @pytest.fixture
    def image(self, rendered) -> bytes:
        return png(cv2.resize(frames((rendered / f"{clip_key(small_clip(5.0))}.mp4").read_bytes())[0], (640, 360)))

    @pytest.fixture
    async def sink(self) -> AsyncIterator[WebhookSink]:
        async with WebhookSink() as sink:
            yield sink

    @pytest.fixture
    def submit(self, http, kling):
        async def send(url: str, **settings):
            contents = [{"type": "prompt", "text": "a ball"}, {"type": "first_frame", "url": url}]
            body = {"contents": contents, "settings": settings}
            return await http.post("/kling/image-to-video/kling-2.6", json=body, headers=kling.headers)

        return send

    async def test_kling_takes_bare_base64_and_follows_the_shape_of_the_picture(self, bench, submit, image) -> None:
        assert (await submit(base64.b64encode(image).decode())).status_code == 200
        (task,) = bench.tasks
        assert task.order.operation == "image-to-video"
        assert task.order.size_px == (1280, 720)
        tall = png(np.zeros((640, 360, 3), np.uint8))
        await submit(base64.b64encode(tall).decode())
        assert bench.tasks[1].order.size_px == (720, 1280)

    async def test_kling_takes_a_last_frame_at_1080p_and_silent_only(self, bench, http, kling, image) -> None:
        text = base64.b64encode(image).decode()
        frames_ = [{"type": name, "url": text} for name in ("first_frame", "last_frame")]
        contents = [{"type": "prompt", "text": "a ball"}, *frames_]

        async def send(contents=contents, **settings):
            body = {"contents": contents, "settings": settings}
            reply = await http.post("/kling/image-to-video/kling-2.6", json=body, headers=kling.headers)
            return reply.json()["code"]

        assert await send(resolution="1080p") == 0
        assert bench.tasks[0].order.last_frame == bench.tasks[0].order.first_frame
        assert await send() == await send(resolution="1080p", audio="native") == 1201
        assert await send([contents[0], contents[2]], resolution="1080p") == 1201
        assert await send([*contents, contents[2]], resolution="1080p") == 1201

    async def test_kling_refuses_data_urls_small_pictures_and_other_bytes(self, submit, image) -> None:
        text = base64.b64encode(image).decode()
        small = base64.b64encode(png(np.zeros((100, 100, 3), np.uint8))).decode()
        for url in (f"data:image/png;base64,{text}", small, "AAAA", ""):
            assert (await submit(url)).json()["code"] == 1201

    async def test_a_picture_that_cannot_be_fetched_fails_the_task(self, bench, submit, kling, sink) -> None:
        await submit(sink.url)
        (task,) = await bench.ended()
        assert task.state == "failed"
        assert "image" in (await kling.task(task_ids=task.id))[0]["message"]
        assert sink.deliveries[0].method == "GET"

    async def test_a_picture_is_fetched_from_its_url(self, bench, submit, kling, real_http) -> None:
        # Any server of pictures will do; a clip is none, so this one is refused after the fetch.
        await kling.submit()
        await bench.ended()
        url = (await kling.task(task_ids=bench.tasks[0].id))[0]["outputs"][0]["url"]
        path = url.removeprefix("http://simulator.test")
        await submit(f"{str(real_http.base_url).rstrip('/')}{path}")
        await bench.ended(2)
        assert bench.tasks[1].state == "failed"

    async def test_a_picture_with_nothing_behind_its_head_fails_the_task(self, bench, submit, image) -> None:
        bench.tune(small_clips=False)
        await submit(base64.b64encode(image[:60]).decode())
        (task,) = await bench.ended(timeout_s=60)
        assert (task.state, task.billed_usd_micros) == ("failed", 0)
        assert not bench.engine.background.died.is_set()

    async def test_veo_takes_inline_pictures(self, bench, http, veo, image) -> None:
        for shape in (
            {"bytesBase64Encoded": base64.b64encode(image).decode(), "mimeType": "image/png"},
            {"inlineData": {"data": base64.b64encode(image).decode(), "mimeType": "image/png"}},
        ):
            body = {"instances": [{"prompt": "a ball", "image": shape}]}
            path = "/veo/v1beta/models/veo-3.1-generate-preview:predictLongRunning"
            assert (await http.post(path, json=body, headers=veo.headers)).status_code == 200
        assert {task.order.operation for task in bench.tasks} == {"image-to-video"}
        assert bench.tasks[0].order.first_frame == bench.tasks[1].order.first_frame
