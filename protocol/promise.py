# SPDX-License-Identifier: AGPL-3.0-or-later
"""A gateway's promise that what it accepted will stand on the chain (EIP-712; docs/protocol/encodings.md).

Signed by the entity's gateway account over kind, initiative, content and the latest block by which it stands there: no
time, no person. Chain and contract are in the domain. Whoever holds it can hold it against the chain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from protocol import eip712
from protocol.eip712 import Promise
from protocol.errors import ProtocolError
from protocol.types import Address, EntityId, Hash32, InitiativeId, PromiseKind, Suite

_HEX = re.compile(r"0x[0-9a-f]*\Z", re.ASCII)


class PromiseError(ProtocolError):
    """A document that is no promise: which member is missing or malformed."""


def contract_of(kind: PromiseKind, suite: Suite) -> Address:
    """The contract on which what is promised will stand."""
    match kind:
        case PromiseKind.REGISTRATION | PromiseKind.REPLACEMENT:
            return suite.electorate
        case PromiseKind.PROPOSAL:
            return suite.proposals
        case PromiseKind.BALLOT:
            return suite.ballot_box


@dataclass(frozen=True, slots=True)
class SignedPromise:
    """`promise.content` is the commitment (of a replacement the new one), the content's hash, or the ballot's hash."""

    promise: Promise
    chain_id: int
    contract: Address
    signature: bytes

    def signer(self) -> Address:
        """The account that gave it. Raises SignatureError."""
        return eip712.recover(eip712.digest(self.promise, self.chain_id, self.contract), self.signature)

    def to_json(self) -> dict[str, object]:
        """As gateways answer it."""
        promise = self.promise
        return {
            "entity": promise.entity,
            "kind": promise.kind.label,
            "initiative": promise.initiative,
            "content": "0x" + promise.content.hex(),
            "latest_block": promise.latest_block,
            "chain_id": self.chain_id,
            "contract": "0x" + self.contract.hex(),
            "signature": "0x" + self.signature.hex(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, object]) -> SignedPromise:
        """Raises PromiseError; the signature is not looked at."""
        promise = Promise(
            EntityId(_number(document, "entity", 32)),
            _kind(document),
            InitiativeId(_number(document, "initiative", 64)),
            Hash32(_octets(document, "content", 32)),
            _number(document, "latest_block", 64),
        )
        contract, signature = _octets(document, "contract", 20), _octets(document, "signature", eip712.SIGNATURE_BYTES)
        return cls(promise, _number(document, "chain_id", 64), Address(contract), signature)


def _kind(document: Mapping[str, object]) -> PromiseKind:
    try:
        return PromiseKind.from_label(str(document.get("kind")))
    except ValueError as error:
        raise PromiseError(f"the promise's kind: {error}") from None


def _number(document: Mapping[str, object], name: str, bits: int) -> int:
    value = document.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << bits:
        raise PromiseError(f"the promise's {name} is no number of {bits} bits")
    return value


def _octets(document: Mapping[str, object], name: str, length: int) -> bytes:
    value = document.get(name)
    if not isinstance(value, str) or not _HEX.match(value) or len(value) != 2 + 2 * length:
        raise PromiseError(f"the promise's {name} is not 0x and {length} bytes in lower-case hex")
    return bytes.fromhex(value[2:])
