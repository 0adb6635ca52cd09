"""What only Pika and MiniMax do: requests that wait in fal's queue, billed refusals, challenges, prices by the clip."""

import json

import cv2
import numpy as np
from dailies_contracts import ClipFailed, ClipReady, JobCancelled, ProviderSubmitted

SECRET = "callback-secret"
PICTURE = cv2.imencode(".png", np.full((640, 360, 3), 90, dtype=np.uint8))[1].tobytes()


async def test_a_cancelled_job_takes_its_request_out_of_fals_queue(facts, simulator, worker):
    await simulator.tell("settings", max_parallel={"pika": 1})
    try:
        async with worker("pika"):
            await facts.order("pika", "a cup [[fault:stuck]]")
            await facts.next(ProviderSubmitted)
            waiting = await facts.order("pika", "another cup")
            await facts.next(ProviderSubmitted, clip_id=waiting.clip_id)
            about = {"job_id": waiting.job_id, "tenant_id": "acme", "occurred_at": waiting.occurred_at}
            await facts.log.append_fact(JobCancelled(**about))
            failed = await facts.next(ClipFailed, clip_id=waiting.clip_id)
    finally:
        await simulator.tell("settings", max_parallel={"pika": 0})
    states = {task["prompt"]: (task["state"], task["billed_usd_micros"]) for task in await simulator.tasks()}
    assert states["another cup"] == ("cancelled", 0)
    assert (failed.charged_usd_micros, failed.may_still_bill) == (0, False)


async def test_what_fal_refused_after_the_work_is_charged(facts, simulator, worker):
    async with worker("pika"):
        await facts.order("pika", "a cup [[fault:refused_at_completion]]")
        failed = await facts.next(ClipFailed)
    assert (failed.kind, failed.charged_usd_micros) == ("refused", 200_000)
    assert [task["billed_usd_micros"] for task in await simulator.tasks()] == [200_000]


async def test_hailuo_fast_renders_from_a_picture_at_the_price_of_a_clip(facts, simulator, worker):
    async with worker("minimax") as desk:
        frame = await desk.objects.put("jobs/x/y/frame.png", PICTURE, media_type="image/png")
        model = "MiniMax-Hailuo-2.3-Fast"
        await facts.order("minimax", model=model, first_frame=frame)
        ready = await facts.next(ClipReady)
    (task,) = await simulator.tasks()
    assert (task["operation"], task["model"], task["billed_usd_micros"]) == ("image-to-video", model, 190_000)
    assert (ready.cost_usd_micros, ready.cost_source) == (190_000, "catalogue")
    assert task["size_px"][0] < task["size_px"][1]


async def test_an_address_that_does_not_echo_costs_the_callback_and_not_the_clip(facts, simulator, worker, gateway):
    gateway.echoes_challenges = False
    async with worker("minimax", callback_url=gateway.base_url, callback_secret=SECRET):
        await facts.order("minimax")
        ready = await facts.next(ClipReady)
    (task,) = await simulator.tasks()
    assert (task["callback_url"], task["billed_usd_micros"]) == (None, ready.cost_usd_micros)
    assert (await simulator.totals("minimax"))["n_refused"] == 1
    assert [list(json.loads(each.body)) for each in gateway.deliveries] == [["challenge"]]
