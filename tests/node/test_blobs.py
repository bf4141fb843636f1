# SPDX-License-Identifier: AGPL-3.0-or-later
"""The ballot box itself and `protocol.ballot` give ten thousand random blobs the same verdict (B3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
from eth_abi import encode

from node.compiler import Build
from node.deploy import created_address
from node.engine import EmbeddedEngine
from protocol.ballot import BallotError, WrongBallotLength, entry_bytes, parse_entries
from protocol.hashing import keccak
from tests.protocol.blobs import Blobs, key

WORDS, BLOBS, AT_ONCE = 1, 10_000, 500
STUB, SENDER = b"\x57" * 20, b"\x5e" * 20
BALLOT_RULES = "(uint8,uint16,uint16,uint16,uint16,uint32,uint32,uint256,uint16[])"
# Answers every call with the rules of an approval ballot; their first word, 32, is the number of options and the root.
ANSWER = encode([BALLOT_RULES], [(1, 0, 32, 0, 0, 0, 0, 0, ())])
STUB_CODE = bytes.fromhex(f"61{len(ANSWER):04x}600c5f3961{len(ANSWER):04x}5ff3") + ANSWER


class Chain:
    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=120, trust_env=False)

    def batch(self, requests: Sequence[tuple[str, list[object]]]) -> list[dict[str, Any]]:
        payload = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(requests)
        ]
        answers: list[dict[str, Any]] = self._http.post("", json=payload).json()
        return sorted(answers, key=lambda answer: int(answer["id"]))

    def call(self, method: str, *params: object) -> Any:
        answer = self.batch([(method, list(params))])[0]
        assert "result" in answer, answer
        return answer["result"]

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="module")
def chain(engine: EmbeddedEngine) -> Iterator[Chain]:
    opened = Chain(engine.url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def ballot_box(chain: Chain, contracts: Build) -> str:
    """The real contract, all others played by the stub: always in voting."""
    address = created_address(SENDER, 0)
    suite = [STUB, STUB, STUB, STUB, address, STUB, STUB]
    arguments = encode(["address", f"({','.join(['address'] * len(suite))})", "bytes"], [STUB, suite, key()])
    code = contracts["contracts/BallotBox.sol:BallotBox"].bytecode + arguments
    chain.call("anvil_setCode", "0x" + STUB.hex(), "0x" + STUB_CODE.hex())
    chain.call("anvil_impersonateAccount", "0x" + SENDER.hex())
    created = chain.call(
        "eth_sendTransaction",
        {"from": "0x" + SENDER.hex(), "data": "0x" + code.hex(), "gas": hex(20_000_000), "gasPrice": "0x0"},
    )
    receipt = None
    while receipt is None:
        receipt = chain.call("eth_getTransactionReceipt", created)
    assert receipt["status"] == "0x1"
    return "0x" + address.hex()


def by_the_contract(chain: Chain, ballot_box: str, blobs: Sequence[bytes]) -> list[bytes]:
    """What each call reverts with; empty where it does not."""
    selector = keccak(b"castBatch(uint64,bytes)")[:4]
    requests: list[tuple[str, list[object]]] = [
        (
            "eth_call",
            [{"to": ballot_box, "data": "0x" + (selector + encode(["uint64", "bytes"], [1, blob])).hex()}, "latest"],
        )
        for blob in blobs
    ]
    answers = chain.batch(requests)
    return [bytes.fromhex(answer["error"]["data"][2:]) if "error" in answer else b"" for answer in answers]


def by_python(blob: bytes) -> bytes:
    try:
        parse_entries(blob, WORDS)
    except WrongBallotLength:
        return keccak(b"WrongLength(uint256,uint256)")[:4] + encode(["uint256"] * 2, [len(blob), entry_bytes(WORDS)])
    except BallotError as refused:
        index: int = getattr(refused, "index")  # noqa: B009 (only the subclasses have one)
        return keccak(f"{type(refused).__name__}(uint256)".encode())[:4] + encode(["uint256"], [index])
    return b""


def test_B3_contract_and_python_agree_on_ten_thousand_blobs(chain: Chain, ballot_box: str) -> None:
    invalid_proof = keccak(b"InvalidProof()")[:4]
    source, seen = Blobs(1, WORDS), Counter[bytes]()
    for _ in range(0, BLOBS, AT_ONCE):
        blobs = [source.any() for _ in range(AT_ONCE)]
        for blob, said in zip(blobs, by_the_contract(chain, ballot_box, blobs), strict=True):
            expected = by_python(blob)
            # Well-formed, but proofs of nothing; or nothing of it would count.
            assert said == expected or (expected == b"" and said == invalid_proof), blob.hex()
            seen[said[:4]] += 1
    names = ["WrongLength(uint256,uint256)", "NullifierOutOfRange(uint256)", "InvalidChannel(uint256)"]
    names += ["InvalidEntryPoint(uint256)", "InvalidProof()"]
    assert set(seen) == {b"", *(keccak(name.encode())[:4] for name in names)}
    assert min(seen.values()) > 200, seen
