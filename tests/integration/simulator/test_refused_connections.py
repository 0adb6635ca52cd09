"""For a while nobody listens; then the same port answers again, and open tasks went on."""

import asyncio

import httpx
import pytest


async def until_listening(url: str) -> httpx.Response:
    async with asyncio.timeout(10):
        while True:
            try:
                async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
                    return await client.get("/_control/health")
            except httpx.ConnectError:
                await asyncio.sleep(0.02)


async def refused(url: str) -> None:
    async with asyncio.timeout(5):
        while True:
            async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
                try:
                    await client.get("/_control/health")
                except httpx.ConnectError:
                    return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("way", ["control", "marker"])
async def test_connections_are_refused_and_taken_again(bench, real_http, way) -> None:
    url = str(real_http.base_url)
    if way == "control":
        reply = await real_http.post("/_control/faults", json={"kind": "connection_refused", "duration_s": 0.4})
        assert reply.status_code == 201
    else:
        body = {"prompt": "a cup [[fault:connection_refused duration_s=0.4]]", "settings": {}, "options": {}}
        headers = {"authorization": "Bearer sim-kling-key"}
        reply = await real_http.post("/kling/text-to-video/kling-2.6", json=body, headers=headers)
        assert reply.json()["code"] == 0
    await refused(url)
    assert (await until_listening(url)).json()["status"] == "ok"
    if way == "marker":
        (task,) = await bench.ended()
        assert task.billed_usd_micros > 0
