# SPDX-License-Identifier: AGPL-3.0-or-later
"""ETags of the block, and answers that need not be built again."""

from __future__ import annotations

import statistics
import time
from typing import Any

import pytest

from gateway.conditional import etag, is_of_the_chain
from gateway.index.reads import Reads
from tests.gateway.consortium import Consortium


def paths(initiative: int) -> list[str]:
    of = f"/v1/initiatives/{initiative}"
    below = [f"{of}/{rest}" for rest in ("leaves/0", "nodes", "slots/a", "counts")]
    return ["/v1/initiatives?limit=3", of, *below, "/v1/entities", "/v1/entities/1"]


def test_a_read_carries_the_tag_of_its_block_and_is_not_built_again(
    consortium: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    initiative = consortium.initiative()
    client = consortium.clients["A"]
    tags = {}
    for path in paths(initiative):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "no-cache"
        assert f'"{answer.json()["as_of"]["block"]}-' in answer.headers["etag"]
        tags[path] = answer.headers["etag"]

    def never(*_: Any) -> Any:
        raise AssertionError("the database was asked")

    monkeypatch.setattr(Reads, "snapshot", never)
    for path, tag in tags.items():
        for given in (tag, f"W/{tag}", f'"x", {tag}'):
            again = client.get(path, headers={"If-None-Match": given})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), path
            assert again.headers["x-content-type-options"] == "nosniff"


def test_a_new_block_is_a_new_answer(consortium: Consortium) -> None:
    client = consortium.clients["A"]
    before = client.get("/v1/initiatives")
    consortium.initiative()
    after = client.get("/v1/initiatives", headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert after.headers["etag"] != before.headers["etag"]
    assert after.content != before.content


def test_the_tag_says_whether_the_answer_may_be_stale(consortium: Consortium) -> None:
    as_of = consortium.view().as_of()
    assert etag(as_of) != etag(as_of.model_copy(update={"stale": True}))
    assert etag(as_of) != etag(as_of.model_copy(update={"hash": bytes(32)}))


@pytest.mark.parametrize(
    "path",
    [
        "/health",
        "/v1/profile",
        "/v1/registrations/0123",
        "/v1/initiatives/1/proposals",
        "/v1/initiatives/1/result",
        "/v1/initiatives/1/registrations",
        "/v1/back-office/officers",
        "/members/encryption-key",
    ],
)
def test_what_depends_on_more_than_the_chain_has_no_tag_of_it(path: str) -> None:
    assert not is_of_the_chain(path)


def test_a_refusal_has_no_tag(consortium: Consortium) -> None:
    answer = consortium.clients["A"].get("/v1/initiatives/999999")
    assert answer.status_code == 404
    assert "etag" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


def test_a_conditional_request_is_answered_at_once(consortium: Consortium) -> None:
    """Under 2 ms on a quiet machine. Others run beside this one: ten times that, in the median."""
    client = consortium.clients["A"]
    took = []
    for _ in range(50):
        tag = client.get("/v1/entities").headers["etag"]
        begun = time.perf_counter()
        answer = client.get("/v1/entities", headers={"If-None-Match": tag})
        if answer.status_code == 304:
            took.append(time.perf_counter() - begun)
    assert len(took) > 25
    assert statistics.median(took) < 0.02
    print(f"median of a conditional request: {statistics.median(took) * 1000:.2f} ms")
