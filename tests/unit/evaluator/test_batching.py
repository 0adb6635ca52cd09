import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from evaluator.adapters.batching import Batcher

Array = npt.NDArray[np.uint8]


def pictures(*values: int) -> Array:
    return np.stack([np.full((2, 2, 3), value, np.uint8) for value in values])


class Means:
    """A model whose embedding of a picture is its mean; notes what it was run on."""

    def __init__(self, *, fails_on: int = -1) -> None:
        self.runs: list[list[int]] = []
        self.started, self.may_go_on = threading.Event(), threading.Event()
        self.may_go_on.set()
        self.fails_on = fails_on

    def __call__(self, pixels: Array) -> npt.NDArray[np.float32]:
        self.runs.append([int(picture.mean()) for picture in pixels])
        self.started.set()
        assert self.may_go_on.wait(10)
        if self.fails_on in self.runs[-1]:
            raise RuntimeError("this picture is too much")
        return pixels.reshape(len(pixels), -1).mean(axis=1, dtype=np.float32)[:, None]


def together(batcher: Batcher, model: Means, *asked: Array) -> list[list[float] | BaseException]:
    """Ask while the model is held up by a first picture, so that the rest waits at the same time."""
    model.may_go_on.clear()
    with ThreadPoolExecutor(len(asked) + 1) as pool:
        first = pool.submit(batcher, pictures(1))
        assert model.started.wait(10)
        futures = []
        for number, each in enumerate(asked, start=1):
            futures.append(pool.submit(batcher, each))
            while batcher.n_waiting < number:
                pass
        model.may_go_on.set()
        first.result()
        return [future.exception() or future.result()[:, 0].tolist() for future in futures]


def test_pictures_of_several_callers_share_a_run_and_come_back_to_their_callers() -> None:
    model = Means()
    with Batcher(model, size=8, wait_s=0.0) as batcher:
        assert together(batcher, model, pictures(10, 11), pictures(20), pictures(30, 31, 32)) == [
            [10, 11],
            [20],
            [30, 31, 32],
        ]
    assert model.runs == [[1] + [0] * 7, [10, 11, 20, 30, 31, 32, 0, 0]]


def test_a_batch_is_never_larger_than_its_size() -> None:
    model = Means()
    with Batcher(model, size=4, wait_s=0.0) as batcher:
        found = together(batcher, model, pictures(10, 11, 12), pictures(20, 21), pictures(*range(30, 40)))
    assert found == [[10, 11, 12], [20, 21], [float(value) for value in range(30, 40)]]
    assert {len(run) for run in model.runs} == {4}
    assert [10, 11, 12, 0] in model.runs


def test_one_caller_alone_does_not_wait_longer_than_it_must() -> None:
    model = Means()
    with Batcher(model, size=4, wait_s=0.01) as batcher:
        assert batcher(pictures(5, 6))[:, 0].tolist() == [5, 6]
    assert model.runs == [[5, 6, 0, 0]]


def test_a_failure_hits_only_the_pictures_that_caused_it() -> None:
    model = Means(fails_on=20)
    with Batcher(model, size=8, wait_s=0.0) as batcher:
        good, bad, also_good = together(batcher, model, pictures(10), pictures(20), pictures(30))
        assert (good, also_good) == ([10], [30])
        assert isinstance(bad, RuntimeError)
        with pytest.raises(RuntimeError, match="too much"):
            batcher(pictures(20))


def test_what_was_asked_is_answered_before_the_end() -> None:
    model = Means()
    batcher = Batcher(model, size=2, wait_s=5.0)
    model.may_go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        with batcher:
            future = pool.submit(batcher, pictures(7, 8))
            assert model.started.wait(10)
            model.may_go_on.set()
        assert future.result()[:, 0].tolist() == [7, 8]
