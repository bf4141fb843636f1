# SPDX-License-Identifier: AGPL-3.0-or-later
"""A run keeps what it was promised, also when it is killed amid a line."""

from __future__ import annotations

import json
from pathlib import Path

from node.promises import Outcome, Verdict
from node.run.promises import Balance, PromiseBook
from protocol.promise import SignedPromise

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "eip712.json").read_text())


def promise(number: int) -> dict[str, object]:
    item = [one for one in VECTORS if one["type"].startswith("Promise(")][number]
    message = item["message"]
    return {
        "entity": message["entity"],
        "kind": ("registration", "replacement", "proposal", "ballot")[number],
        "initiative": message["initiative"],
        "content": message["content"],
        "latest_block": message["latestBlock"],
        "chain_id": item["chainId"],
        "contract": item["contract"],
        "signature": item["signature"],
    }


def test_promises_are_kept_each_once_and_a_torn_line_is_passed_over(tmp_path: Path) -> None:
    book = PromiseBook(tmp_path / "promises.jsonl")
    assert book.given() == []
    book.keep({"promise": promise(0)})
    book.keep({"promise": promise(0)})
    book.keep({"promise": None})
    book.keep({"promise": promise(3)}, b"\1\2")
    with book.path.open("a") as file:
        file.write('{"promise": {"ent')
    again = PromiseBook(book.path).given()
    assert [(one.signed.to_json(), one.entry) for one in again] == [(promise(0), None), (promise(3), b"\1\2")]


def test_a_balance_counts_every_outcome_and_shows_what_was_not_kept() -> None:
    signed = SignedPromise.from_json(promise(0))
    verdicts = [Verdict(outcome, "because.", signed, None, None, 7, bytes(32)) for outcome in Outcome]
    balance = Balance.of([*verdicts, verdicts[0]])
    assert balance.counts == {"kept": 2, "broken": 1, "not-due": 1, "released": 1, "invalid": 1}
    assert [one["outcome"] for one in balance.broken] == ["broken", "invalid"]
