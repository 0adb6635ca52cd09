"""fal's own client, used as its samples do, in a process of its own: it reads its host and key when it is imported.

Reads one call from each line of standard input, writes what came of it to a line of standard output, all JSON.
`test_fal_client.py` runs it.
"""

import asyncio
import dataclasses
import json
import sys

import fal_client

TEXT = "fal-ai/pika/v2.2/text-to-video"
EVERY_S = 0.02


def shown(status):
    return {"kind": type(status).__name__, **dataclasses.asdict(status)}


def submit(ask):
    handle = fal_client.submit(ask.get("application", TEXT), ask["arguments"], **ask.get("options", {}))
    return {"request_id": handle.request_id, "status_url": handle.status_url}


def follow(ask):
    """Submit, look at the status until it has completed, get the result."""
    handle = fal_client.submit(TEXT, ask["arguments"])
    seen = [shown(status) for status in handle.iter_events(with_logs=True, interval=EVERY_S)]
    return {"seen": seen, "result": handle.get(interval=EVERY_S)}


def subscribe(ask):
    seen, ids = [], []
    result = fal_client.subscribe(
        TEXT,
        ask["arguments"],
        with_logs=True,
        interval=EVERY_S,
        on_enqueue=ids.append,
        on_queue_update=lambda status: seen.append(shown(status)),
    )
    return {"result": result, "kinds": sorted({each["kind"] for each in seen}), "n_enqueued": len(ids)}


def subscribe_async(ask):
    return {"result": asyncio.run(fal_client.subscribe_async(TEXT, ask["arguments"], interval=EVERY_S))}


def status(ask):
    return shown(fal_client.status(TEXT, ask["request_id"], with_logs=ask.get("logs", False)))


def result(ask):
    return fal_client.result(TEXT, ask["request_id"])


def cancel(ask):
    fal_client.cancel(TEXT, ask["request_id"])
    return {}


CALLS = {call.__name__: call for call in (submit, follow, subscribe, subscribe_async, status, result, cancel)}


def answered(ask):
    try:
        return CALLS[ask["call"]](ask)
    except fal_client.FalClientHTTPError as error:
        return {"raised": {"status": error.status_code, "type": error.error_type, "message": error.message}}


def main():
    # Line by line, so that a test can do something between two calls.
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answered(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
