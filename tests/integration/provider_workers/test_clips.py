"""Clips from order to end, at the simulated vendors: what is told, what is stored, what is billed."""

import contextlib

import cv2
import numpy as np
import pytest
from dailies_contracts import ClipFailed, ClipReady, JobCancelled, ProviderSubmitted
from runtime.catalog import load_catalog
from testkit.clients import s3_client
from testkit.lineup import CATALOG, dialects
from testkit.wire import WireTap

DIALECTS = dialects()


async def billed(simulator):
    return [task["billed_usd_micros"] for task in await simulator.tasks()]


async def test_a_clip_is_rendered_stored_and_billed_once(any_adapter, facts, simulator, worker, s3, s3_bucket):
    async with worker(any_adapter):
        order = await facts.order(any_adapter)
        ready = await facts.next(ClipReady)
    (submitted,) = facts.of(ProviderSubmitted)
    assert not submitted.found
    assert await billed(simulator) == [ready.cost_usd_micros]
    assert (ready.media.video_codec, round(ready.media.duration_s)) == ("h264", order.prompt.duration_s)
    with contextlib.closing(s3_client(s3)) as client:
        key = f"jobs/{order.job_id}/{order.clip_id}/source.mp4"
        stored = client.get_object(Bucket=s3_bucket, Key=key)["Body"].read()
        tags = client.get_object_tagging(Bucket=s3_bucket, Key=key)["TagSet"]
    assert ready.asset.uri == f"s3://{s3_bucket}/{key}"
    assert len(stored) == ready.asset.size_bytes
    assert tags == [{"Key": "stage", "Value": "draft"}]


async def test_the_charge_is_what_kling_reports(facts, simulator, worker):
    await simulator.tell("settings", kling_billing="cash")
    async with worker("kling"):
        await facts.order("kling")
        ready = await facts.next(ClipReady)
    await simulator.tell("settings", kling_billing="unit")
    assert (ready.cost_usd_micros, ready.cost_source) == (210_000, "vendor")


@pytest.mark.parametrize("adapter", ["kling", "veo-gemini", "pika", "luma", "minimax"])
async def test_forged_and_repeated_callbacks_change_nothing(adapter, facts, simulator, worker, gateway):
    for fault in ("callback_forged", "callback_repeated"):
        await simulator.fault(fault)
    async with worker(adapter, callback_url=gateway.base_url, callback_secret="callback-secret", poll_scale=1.0):
        await facts.order(adapter)
        await facts.next(ClipReady)
    assert gateway.deliveries
    assert len(facts.of(ClipReady)) == len(facts.of(ProviderSubmitted)) == 1
    (task,) = await simulator.tasks()
    assert task["state"] == "succeeded"


async def test_without_callbacks_polling_is_enough(facts, simulator, worker, gateway):
    await simulator.fault("callback_missing")
    async with worker("kling", callback_url=gateway.base_url, callback_secret="callback-secret"):
        await facts.order("kling")
        await facts.next(ClipReady)
    assert gateway.deliveries == []


async def test_a_cancelled_job_settles_what_its_clip_cost(facts, simulator, worker):
    async with worker("kling"):
        order = await facts.order("kling")
        await facts.next(ProviderSubmitted)
        await facts.log.append_fact(JobCancelled(job_id=order.job_id, tenant_id="acme", occurred_at=order.occurred_at))
        failed = await facts.next(ClipFailed)
    assert failed.code == "clip.job_over"
    assert [failed.charged_usd_micros] == await billed(simulator)


async def test_no_more_clips_are_in_flight_than_the_vendor_has_slots(facts, simulator, worker, until):
    await simulator.tell("settings", max_parallel={"kling": 2})
    async with worker("kling", n_slots=2) as desk:
        orders = [await facts.order("kling") for _ in range(5)]
        for number in range(1, len(orders) + 1):
            await facts.next(ClipReady, n=number, timeout_s=60)

        async def all_slots_are_free():
            return await desk.slots.n_held() == 0

        await until(all_slots_are_free)
    await simulator.tell("settings", max_parallel={"kling": 0})
    assert (await simulator.totals("kling"))["n_refused"] == 0


async def test_a_tenant_with_many_clips_does_not_starve_one_with_two(facts, simulator, worker):
    async with worker("kling", n_slots=2):
        many = [await facts.order("kling", tenant_id="big") for _ in range(14)]
        await facts.next(ProviderSubmitted, n=2)
        few = [await facts.order("kling", tenant_id="small") for _ in range(2)]
        for each in few:
            await facts.next(ClipReady, clip_id=each.clip_id)
        submitted = [fact.tenant_id for fact in facts.of(ProviderSubmitted)]
        await facts.next(ClipReady, n=len(many) + len(few), timeout_s=60)
    assert submitted.count("big") < len(many) / 2, submitted
    assert len(await simulator.tasks()) == len(many) + len(few)


async def test_a_first_frame_anchors_the_clip(any_adapter, facts, simulator, worker):
    picture = cv2.imencode(".png", np.full((360, 640, 3), 90, dtype=np.uint8))[1].tobytes()
    async with worker(any_adapter) as desk:
        frame = await desk.objects.put("jobs/x/y/frame.png", picture, media_type="image/png")
        await facts.order(any_adapter, first_frame=frame)
        await facts.next(ClipReady)
    (task,) = await simulator.tasks()
    assert task["operation"] == "image-to-video"


def asks_with(adapter, kind):
    """The cheapest order with such pictures that a vendor of the catalogue takes; None where it takes none."""
    for model in load_catalog(CATALOG).vendor(DIALECTS[adapter].provider).model:
        if getattr(model, kind) is not None:
            narrowed = model.ordered_with(last_frame=kind == "last_frame", references=kind == "references")
            resolution = narrowed.resolutions[0]
            duration_s = min(narrowed.durations_at(resolution))
            return model.name, {"resolution": resolution, "duration_s": duration_s}
    return None


@pytest.mark.parametrize("kind", ["last_frame", "references"])
async def test_further_pictures_reach_the_vendor_at_the_catalogues_price(kind, any_adapter, facts, simulator, worker):
    if (found := asks_with(any_adapter, kind)) is None:
        return  # the compiler passes the vendor over
    model, asked = found
    async with worker(any_adapter) as desk:
        pictures = [
            await desk.objects.put(
                f"uploads/acme/{shade}.png",
                cv2.imencode(".png", np.full((360, 640, 3), shade, dtype=np.uint8))[1].tobytes(),
                media_type="image/png",
            )
            for shade in (90, 200)
        ]
        asked |= {"last_frame": pictures[1]} if kind == "last_frame" else {"references": tuple(pictures)}
        first = pictures[0] if kind == "last_frame" else None
        await facts.order(any_adapter, model=model, compiled=asked, first_frame=first)
        ready = await facts.next(ClipReady)
    (task,) = await simulator.tasks()
    assert task["billed_usd_micros"] == ready.cost_usd_micros
    frames = {task[name] for name in ("first_frame", "last_frame")} - {None}
    assert (len(frames), len(set(task["references"]))) == ((2, 0) if kind == "last_frame" else (0, 2))


async def test_the_instant_adapter_needs_no_vendor(facts, simulator, worker):
    async with worker("kling", adapter="instant"):
        await facts.order("kling")
        ready = await facts.next(ClipReady)
    assert (ready.cost_usd_micros, ready.cost_source) == (210_000, "catalogue")
    assert await simulator.tasks() == []


async def test_a_token_that_expires_while_a_clip_renders_is_read_anew(facts, simulator, worker, tmp_path, until):
    token = tmp_path / "token"
    token.write_text("sim-veo-key\n")
    with WireTap(simulator.base_url) as tap:

        async def is_refused():
            return any(sent.status == 401 for sent in tap.sent)

        fields = {"base_url": f"{tap.url}/veo", "api_key": "", "token_file": token, "poll_scale": 0.02}
        async with worker("veo", **fields):
            await facts.order("veo", "a ball [[fault:stuck]]")
            await facts.next(ProviderSubmitted)
            token.write_text("expired")
            await until(is_refused)
            token.write_text("sim-veo-key")
            (task,) = await simulator.tasks()
            await simulator.tell(f"tasks/veo/{task['id']}/finish", state="succeeded")
            await facts.next(ClipReady)
    assert facts.of(ClipFailed) == []
