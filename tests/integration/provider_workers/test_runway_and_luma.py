"""What only Runway and Luma do: look-ups by the callback address, bills for refusals, tasks that wait at the vendor."""

import cv2
import numpy as np
from dailies_contracts import ClipFailed, ClipReady, JobCancelled, ProviderSubmitted

CALLBACKS = {"callback_secret": "callback-secret"}
SLOW = {"median_s": 4_000.0, "p95_s": 4_000.0}
USUAL = {"runway": {"median_s": 30.0, "p95_s": 120.0}}


def cancelled(order):
    return JobCancelled(job_id=order.job_id, tenant_id="acme", occurred_at=order.occurred_at)


async def test_a_lost_answer_at_luma_is_found_by_the_address_that_it_calls_back(facts, simulator, worker, gateway):
    await simulator.fault("response_lost", count=1)
    await simulator.fault("callback_missing")
    async with worker("luma", callback_url=gateway.base_url, **CALLBACKS):
        await facts.order("luma")
        ready = await facts.next(ClipReady)
    (submitted,) = facts.of(ProviderSubmitted)
    assert submitted.found
    assert [task["billed_usd_micros"] for task in await simulator.tasks()] == [ready.cost_usd_micros]
    assert gateway.deliveries == []


async def test_what_runway_moderated_is_charged(facts, simulator, worker):
    async with worker("runway"):
        await facts.order("runway", "a cup [[fault:refuse_at_submit]]")
        failed = await facts.next(ClipFailed)
    assert (failed.kind, failed.vendor_code) == ("refused", "SAFETY.INPUT.TEXT")
    (task,) = await simulator.tasks()
    assert failed.charged_usd_micros == task["billed_usd_micros"] == task["price_usd_micros"] > 0


async def test_a_cancelled_job_cancels_the_task_that_waits_and_pays_for_the_one_that_runs(
    facts, simulator, worker, until
):
    settings = {"max_parallel": {"runway": 1}, "latency": {"runway": SLOW}, "runway_cancelled": "shown"}
    await simulator.tell("settings", **settings)

    async def one_runs_and_one_waits():
        return [task["state"] for task in await simulator.tasks()] == ["running", "queued"]

    try:
        async with worker("runway"):
            orders = [await facts.order("runway", f"a cup {number}") for number in range(2)]
            await until(one_runs_and_one_waits)
            await facts.next(ProviderSubmitted, n=2)
            first, _ = await simulator.tasks()
            for order in orders:
                await facts.log.append_fact(cancelled(order))
            await facts.next(ClipFailed)
            await simulator.tell(f"tasks/runway/{first['id']}/finish", state="succeeded")
            await facts.next(ClipFailed, n=2)
    finally:
        await simulator.tell("settings", max_parallel={"runway": 0}, latency=USUAL, runway_cancelled="gone")
    billed = {task["state"]: task["billed_usd_micros"] for task in await simulator.tasks()}
    assert billed == {"succeeded": first["price_usd_micros"], "cancelled": 0}
    assert sorted(event.charged_usd_micros for event in facts.of(ClipFailed)) == sorted(billed.values())


async def test_a_throttled_task_is_accepted_and_comes(facts, simulator, worker):
    await simulator.tell("settings", max_parallel={"runway": 1})
    try:
        async with worker("runway"):
            for number in range(3):
                await facts.order("runway", f"a cup {number}")
            for number in range(1, 4):
                await facts.next(ClipReady, n=number)
    finally:
        await simulator.tell("settings", max_parallel={"runway": 0})
    totals = await simulator.totals("runway")
    assert (totals["n_accepted"], totals["n_refused"]) == (3, 0)


async def test_runways_quick_model_goes_on_from_a_square_picture(facts, worker):
    picture = cv2.imencode(".png", np.full((400, 400, 3), 90, dtype=np.uint8))[1].tobytes()
    async with worker("runway") as desk:
        frame = await desk.objects.put("jobs/x/y/frame.png", picture, media_type="image/png")
        order = await facts.order("runway", model="gen4_turbo", first_frame=frame)
        ready = await facts.next(ClipReady)
    assert (ready.cost_usd_micros, ready.cost_source) == (50_000 * order.prompt.duration_s, "vendor")


async def test_a_picture_that_luma_cannot_reach_fails_and_is_free(facts, simulator, worker):
    picture = cv2.imencode(".png", np.full((400, 400, 3), 90, dtype=np.uint8))[1].tobytes()
    async with worker("luma") as desk:
        frame = await desk.objects.put("jobs/x/y/frame.png", picture, media_type="image/png")
        submit = desk.adapter.submit

        async def after_the_picture_has_gone(order):
            await desk.objects.delete(frame)
            return await submit(order)

        desk.adapter.submit = after_the_picture_has_gone
        await facts.order("luma", first_frame=frame)
        failed = await facts.next(ClipFailed)
    assert (failed.kind, failed.charged_usd_micros) == ("invalid_request", 0)
    assert [task["billed_usd_micros"] for task in await simulator.tasks()] == [0]
