"""The last answers, for the time that what they came from is away."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Keeps the newest answers, one per question."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._answers: OrderedDict[K, V] = OrderedDict()

    def put(self, question: K, answer: V) -> None:
        """Keep an answer; the one that was not asked for longest goes."""
        self._answers[question] = answer
        self._answers.move_to_end(question)
        if len(self._answers) > self._size:
            self._answers.popitem(last=False)

    def get(self, question: K) -> V | None:
        """Give the last answer to a question, None where nobody asked it here lately."""
        return self._answers.get(question)
