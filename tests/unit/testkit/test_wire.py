"""Two requests are compared place by place, and every difference needs a reason that still holds."""

import json

import pytest
from testkit.wire import ABSENT, Sent, compare, differences


def sent(body, **changes):
    fields = {"method": "POST", "path": "/v1/x", "query": {}, "headers": {}, "status": 200}
    return Sent(content=json.dumps(body).encode(), **(fields | changes))


def test_differences_are_named_by_place():
    theirs = sent({"a": [{"b": 1}], "same": True}, headers={"x-key": "k"}, query={"page": "1"})
    ours = sent({"a": [{"b": 2}], "same": True, "seed": 7}, method="PUT")
    assert differences(theirs, ours, headers=["x-key"]) == {
        "method": ("POST", "PUT"),
        "query.page": ("1", ABSENT),
        "header.x-key": ("k", ABSENT),
        "body.a[0].b": (1, 2),
        "body.seed": (ABSENT, 7),
    }


def test_an_empty_list_and_none_at_all_are_not_the_same():
    assert differences(sent({"refs": []}), sent({})) == {"body.refs": ([], ABSENT), "body": (ABSENT, {})}


def test_a_difference_without_a_reason_fails():
    with pytest.raises(AssertionError, match=r"body\.seed"):
        compare(sent({"a": 1}), sent({"a": 1, "seed": 7}))


def test_a_reason_without_a_difference_fails():
    with pytest.raises(AssertionError, match=r"no longer different: \['body\.seed'\]"):
        compare(sent({"a": 1}), sent({"a": 1}), reasons={"body.seed": "We send one."})


def test_explained_differences_pass():
    compare(sent({"a": 1}), sent({"a": 1, "seed": 7}), reasons={"body.seed": "We send one."})
