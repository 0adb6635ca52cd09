"""The ledger: every accepted task and every refused request, in memory and in an append-only JSON Lines file.

The file is replayed at start, so a restarted simulator knows its tasks and what it billed.
"""

import os
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from simulator.tasks import State, Task


class TaskSaved(msgspec.Struct, tag_field="type", tag="task", frozen=True):
    """The state of a task after a change; the last one of an id wins."""

    task: Task


class RequestRefused(msgspec.Struct, tag_field="type", tag="refused", frozen=True):
    """A submit that was answered with an error, so no task exists."""

    vendor: str
    code: str


Record = TaskSaved | RequestRefused


class Ledger:
    """All tasks by id and by client reference, with totals a test can compare with another ledger."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._fd: int | None = None
        self._encoder = msgspec.json.Encoder()
        self._clear()

    def _clear(self) -> None:
        self._tasks: dict[tuple[str, str], Task] = {}
        self._by_reference: dict[tuple[str, str, str], Task] = {}
        self._n_open: Counter[tuple[str, str]] = Counter()
        self._n_by_prompt: Counter[tuple[str, str, str]] = Counter()
        self._refused: dict[str, Counter[str]] = {}
        self._known_open: set[tuple[str, str]] = set()

    def __enter__(self) -> Self:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._replay(self._path)
            self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _replay(self, path: Path) -> None:
        if not path.exists():
            return
        decoder = msgspec.json.Decoder(Record)
        good_bytes = 0
        with path.open("rb") as lines:
            for line in lines:
                # A killed process may leave half a line at the end: it was never answered for, so it is cut off.
                if not line.endswith(b"\n"):
                    break
                self._remember(decoder.decode(line))
                good_bytes += len(line)
        os.truncate(path, good_bytes)

    def _remember(self, record: Record) -> None:
        if isinstance(record, RequestRefused):
            self._refused.setdefault(record.vendor, Counter())[record.code] += 1
            return
        task, order = record.task, record.task.order
        key = (order.vendor, task.id)
        if key not in self._tasks:
            self._n_by_prompt[order.vendor, order.model, order.prompt] += 1
        self._tasks[key] = task
        if order.reference is not None:
            self._by_reference[order.vendor, order.account, order.reference] = task
        self._count_open(key, task)

    def _count_open(self, key: tuple[str, str], task: Task) -> None:
        account = (task.order.vendor, task.order.account)
        if task.is_open and key not in self._known_open:
            self._known_open.add(key)
            self._n_open[account] += 1
        elif not task.is_open and key in self._known_open:
            self._known_open.discard(key)
            self._n_open[account] -= 1

    def _append(self, record: Record) -> None:
        self._remember(record)
        if self._fd is not None:
            os.write(self._fd, self._encoder.encode(record) + b"\n")

    def save(self, task: Task) -> None:
        """Record the task as it is now."""
        self._append(TaskSaved(task))

    def refuse(self, vendor: str, code: str) -> None:
        """Record a submit that made no task."""
        self._append(RequestRefused(vendor, code))

    def reset(self) -> None:
        """Forget everything, in memory and on disk."""
        self._clear()
        if self._fd is not None:
            os.ftruncate(self._fd, 0)

    def get(self, vendor: str, task_id: str) -> Task | None:
        """Find a task by the vendor's id."""
        return self._tasks.get((vendor, task_id))

    def find(self, vendor: str, account: str, reference: str) -> Task | None:
        """Find a task by the client's reference, which is unique in an account."""
        return self._by_reference.get((vendor, account, reference))

    def tasks(self, vendor: str | None = None) -> list[Task]:
        """List tasks in the order they were accepted."""
        return [task for (name, _), task in self._tasks.items() if vendor in (None, name)]

    def n_open(self, vendor: str, account: str) -> int:
        """Count the account's tasks in flight."""
        return self._n_open[vendor, account]

    def n_open_before(self, task: Task) -> int:
        """Count the open tasks of the same account (and model where limits are per model) that were accepted before."""
        order, n = task.order, 0
        for earlier in self.tasks(task.order.vendor):
            if earlier is task:
                break
            is_alike = earlier.order.model == order.model or not order.limited_per_model
            n += earlier.is_open and earlier.order.account == order.account and is_alike
        return n

    def n_of_prompt(self, vendor: str, model: str, prompt: str) -> int:
        """Count the tasks ever accepted for this prompt and model."""
        return self._n_by_prompt[vendor, model, prompt]

    def totals(self) -> dict[str, dict[str, Any]]:
        """Add up tasks, submissions, refusals and money for each vendor."""
        totals: dict[str, dict[str, Any]] = {}
        for vendor in sorted({name for name, _ in self._tasks} | set(self._refused)):
            tasks = self.tasks(vendor)
            states = Counter(task.state for task in tasks)
            refused = self._refused.get(vendor, Counter())
            totals[vendor] = {
                "n_accepted": len(tasks),
                "n_submissions": sum(task.n_submissions for task in tasks),
                "n_refused": refused.total(),
                "refused_by_code": dict(refused),
                **{f"n_{state.value}": states[state] for state in State},
                "n_billed": sum(1 for task in tasks if task.billed_usd_micros > 0),
                "billed_usd_micros": sum(task.billed_usd_micros for task in tasks),
            }
        return totals
