# SPDX-License-Identifier: AGPL-3.0-or-later
"""Promises as gateways answer them: one form, and what is signed is all of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from protocol import eip712
from protocol.promise import PromiseError, SignedPromise, contract_of
from protocol.types import PromiseKind
from tests.protocol.chronicle import SUITE

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "eip712.json").read_text())
GIVEN = [item for item in VECTORS if item["type"].startswith("Promise(")]


def document(item: dict[str, Any]) -> dict[str, Any]:
    message = item["message"]
    return {
        "entity": message["entity"],
        "kind": PromiseKind(message["kind"]).label,
        "initiative": message["initiative"],
        "content": message["content"],
        "latest_block": message["latestBlock"],
        "chain_id": item["chainId"],
        "contract": item["contract"],
        "signature": item["signature"],
    }


@pytest.mark.parametrize("item", GIVEN)
def test_a_promise_is_read_written_and_recovered_as_the_vectors_say(item: dict[str, Any]) -> None:
    signed = SignedPromise.from_json(document(item))
    assert signed.to_json() == document(item)
    assert "0x" + signed.signer().hex() == item["account"]
    assert signed.contract == contract_of(signed.promise.kind, SUITE)
    digest = eip712.digest(signed.promise, signed.chain_id, signed.contract)
    assert "0x" + digest.hex() == item["digest"]


def test_there_is_a_vector_of_each_kind() -> None:
    assert {PromiseKind(item["message"]["kind"]) for item in GIVEN} == set(PromiseKind)
    assert GIVEN[0]["type"] == "Promise(uint32 entity,uint8 kind,uint64 initiative,bytes32 content,uint64 latestBlock)"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("entity", "1"),
        ("entity", True),
        ("entity", 1 << 32),
        ("entity", -1),
        ("kind", "vote"),
        ("kind", 4),
        ("initiative", 1 << 64),
        ("content", "0x11"),
        ("content", "11" * 32),
        ("content", "0X" + "11" * 32),
        ("latest_block", 1.0),
        ("contract", "0x" + "zz" * 20),
        ("signature", None),
        ("chain_id", None),
    ],
)
def test_what_is_no_promise_is_refused_by_the_member_that_is_wrong(name: str, value: object) -> None:
    with pytest.raises(PromiseError, match=name):
        SignedPromise.from_json({**document(GIVEN[0]), name: value})
