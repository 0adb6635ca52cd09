"""What Kling answers and calls back: tasks in the words of both dialects, and the error table's wording. Pure.

`kling.py` serves it; requests are in `kling_wire.py`.
"""

from typing import Any

from simulator.tasks import State, Task
from simulator.vendors.kling_wire import USD_MICROS_PER_MILLIUNIT

STATUS = {State.QUEUED: "submitted", State.RUNNING: "processing", State.SUCCEEDED: "succeeded"}
RISK_CONTROL = "Failure to pass the risk control system"
INTERNAL = "Service internal error"
FORGED_URL = "https://kling-cdn.invalid/forged.mp4"


def status_of(task: Task) -> str:
    """Translate the state into the new dialect; moderated work is just failed."""
    return STATUS.get(task.state, "failed")


def message_of(task: Task) -> str:
    """Say why a task failed."""
    return task.message or {State.FILTERED: RISK_CONTROL, State.FAILED: INTERNAL}.get(task.state, "")


def video_id(task: Task) -> str:
    """Name the task's video."""
    return f"{int(task.id) + 1}"


def video_url(task: Task, *, watermark: bool = False) -> str:
    """Say where the video lies; anyone who has the URL may fetch it."""
    name = f"{video_id(task)}-watermark.mp4" if watermark else f"{video_id(task)}.mp4"
    return f"{task.order.base_url}/kling/kcdn/{task.id}/{name}"


def new_submitted(task: Task) -> dict[str, Any]:
    """Word the answer to a submit of the new dialect."""
    item: dict[str, Any] = {
        "id": task.id,
        "status": "submitted",
        "create_time": _ms(task.submitted_at_s),
        "update_time": _ms(task.submitted_at_s),
    }
    return item if task.order.reference is None else item | {"external_id": task.order.reference}


def new_item(task: Task) -> dict[str, Any]:
    """Word a task of the new dialect, for `/tasks` and for callbacks alike."""
    succeeded = task.state is State.SUCCEEDED
    return {
        "id": task.id,
        "status": status_of(task),
        "message": message_of(task),
        "create_time": _ms(task.submitted_at_s),
        "update_time": _ms(task.updated_at_s),
        "external_id": task.order.reference or "",
        "outputs": [_new_output(task)] if succeeded else [],
        "billing": [_billing(task)] if succeeded else [],
    }


def legacy_submitted(task: Task) -> dict[str, Any]:
    """Word the answer to a submit of the legacy dialect."""
    return {
        "task_id": task.id,
        "task_status": "submitted",
        "task_info": _task_info(task),
        "created_at": _ms(task.submitted_at_s),
        "updated_at": _ms(task.submitted_at_s),
    }


def legacy_item(task: Task) -> dict[str, Any]:
    """Word a task of the legacy dialect."""
    status = status_of(task)
    item: dict[str, Any] = {
        "task_id": task.id,
        "task_status": "succeed" if status == "succeeded" else status,
        "task_status_msg": message_of(task),
        "task_info": _task_info(task),
        "created_at": _ms(task.submitted_at_s),
        "updated_at": _ms(task.updated_at_s),
    }
    if task.state is State.SUCCEEDED:
        video = {"id": video_id(task), "url": video_url(task), "duration": f"{task.order.duration_s:.1f}"}
        if task.order.facts["watermark"]:
            video["watermark_url"] = video_url(task, watermark=True)
        item |= {"final_unit_deduction": _units(task), "task_result": {"videos": [video]}}
    return item


def legacy_payload(task: Task) -> dict[str, Any]:
    """Word a callback of the legacy dialect: the task, plus what it took from the balance."""
    deduction = {"quota": _units(task), "list_price": _usd(task)} if task.state is State.SUCCEEDED else {}
    return legacy_item(task) | {"final_balance_deduction": deduction}


def forged(item: dict[str, Any]) -> dict[str, Any]:
    """Turn a callback into a lie: the clip is ready, and lies on a stranger's host."""
    if "task_id" in item:
        video = {"id": "1", "url": FORGED_URL, "duration": "5.0"}
        return item | {"task_status": "succeed", "task_status_msg": "", "task_result": {"videos": [video]}}
    output = {"type": "video", "id": "1", "url": FORGED_URL, "duration": "5.00"}
    return item | {"status": "succeeded", "message": "", "outputs": [output]}


def _new_output(task: Task) -> dict[str, Any]:
    output = {
        "type": "video",
        "id": video_id(task),
        "url": video_url(task),
        "duration": f"{task.order.duration_s:.2f}",
    }
    return output | ({"watermark_url": video_url(task, watermark=True)} if task.order.facts["watermark"] else {})


def _billing(task: Task) -> dict[str, Any]:
    if task.order.facts["billing"] == "cash":
        price = {"charge_type": "cash", "cash_type": "balance", "amount": _usd(task), "currency": "USD"}
    else:
        price = {"charge_type": "unit", "amount": _units(task)}
    return price | {"package_type": "video", "list_price": _usd(task)}


def _task_info(task: Task) -> dict[str, str]:
    return {} if task.order.reference is None else {"external_task_id": task.order.reference}


def _units(task: Task) -> str:
    return f"{task.order.facts['milliunits'] / 1000:g}"


def _usd(task: Task) -> str:
    return f"{task.order.facts['milliunits'] * USD_MICROS_PER_MILLIUNIT / 1_000_000:g}"


def _ms(at_s: float) -> int:
    return round(at_s * 1000)
