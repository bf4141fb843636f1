# SPDX-License-Identifier: AGPL-3.0-or-later
"""Roots and encodings against py-trie, and against what a chain served."""

from __future__ import annotations

import random
import time

import pytest
import rlp
from eth_account import Account
from trie import HexaryTrie

from node.blocks.codec import CodecError, header_bytes, read_header, read_receipt, read_transaction, transaction_bytes
from node.blocks.trie import EMPTY_ROOT, list_root
from node.engine import EmbeddedEngine
from node.rpc import RpcClient
from protocol.hashing import keccak


def slow_root(values: list[bytes]) -> bytes:
    tree = HexaryTrie({})
    for index, value in enumerate(values):
        tree[rlp.encode(index)] = value
    return bytes(tree.root_hash)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 16, 17, 127, 128, 129, 130, 256, 257, 300])
def test_roots_of_lists_of_every_shape(count: int) -> None:
    dice = random.Random(count)
    short = [dice.randbytes(dice.randrange(1, 8)) for _ in range(count)]
    long = [dice.randbytes(dice.randrange(1, 90)) for _ in range(count)]

    assert list_root(short) == slow_root(short)
    assert list_root(long) == slow_root(long)


def test_the_empty_root_is_the_known_one() -> None:
    assert EMPTY_ROOT.hex() == "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"


def test_headers_are_encoded_as_the_chain_hashes_them(engine: EmbeddedEngine) -> None:
    with RpcClient.connect(engine.url) as rpc:
        for number in range(rpc.block_number() + 1):
            block = rpc.block(number)
            encoded = header_bytes(block)
            assert keccak(encoded) == block.hash == read_header(encoded).hash


def test_a_mainnet_transaction_of_each_type() -> None:
    """From the EIPs' own material: EIP-155's example; the others signed anew and read back."""
    eip155 = bytes.fromhex(
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe"
        "537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
    )
    read = read_transaction(eip155)

    assert read.sender.hex() == "9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"
    assert (read.type, read.chain_id, read.nonce, read.gas) == (0, 1, 9, 21000)


@pytest.mark.parametrize(
    "data", [b"", b"\x03\xc0", b"\xc0", b"\x80", b"\x02\xc0", b"\xf8\x00", b"\x01" + bytes(10), b"\xff" * 40]
)
def test_what_is_no_transaction_receipt_or_header(data: bytes) -> None:
    for reader in (read_transaction, read_receipt, read_header):
        with pytest.raises(CodecError):
            reader(data)


def test_transactions_keep_their_bytes(engine: EmbeddedEngine) -> None:
    fields = {"chainId": 45191, "nonce": 0, "gas": 60000, "to": "0x" + "11" * 20, "value": 0, "data": b""}
    access = [{"address": "0x" + "22" * 20, "storageKeys": ["0x" + "33" * 32]}]
    account = Account.from_key("0x" + "44" * 32)
    sent = []
    kinds: tuple[dict[str, object], ...] = (
        {"gasPrice": 0},
        {"gasPrice": 0, "accessList": access, "type": 1},
        {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0, "accessList": access, "type": 2},
    )
    with RpcClient.connect(engine.url) as rpc:
        for nonce, extra in enumerate(kinds):
            raw = bytes(account.sign_transaction({**fields, **extra, "nonce": nonce}).raw_transaction)
            hashed = rpc.send_raw(raw)
            while rpc.receipt(hashed) is None:
                time.sleep(0.02)
            sent.append(raw)
        blocks = [rpc.full_block(number) for number in range(rpc.block_number() + 1)]
    served = [one for block in blocks for one in block.transactions if one.sender.hex() == account.address[2:].lower()]

    assert [transaction_bytes(one) for one in served] == sent
    assert all(read_transaction(raw).sender.hex() == account.address[2:].lower() for raw in sent)
