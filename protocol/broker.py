# SPDX-License-Identifier: AGPL-3.0-or-later
"""Brokers: entities that vouch under a key of their own, for an eID that is not OpenID Connect.

A broker fetches a person's attributes and signs an ID token (ES256) with the bound nonce; its `iss` names chain,
consortium and entity, so that a registrar finds the key on the chain and asks nobody (docs/protocol/encodings.md).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final

from protocol.errors import ProtocolError
from protocol.types import Address, EntityId, P256Point

ALGORITHM: Final = "ES256"
# SEC 2, section 2.4.2
_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_PREFIX = "urn:urna:broker:"
_FORM = re.compile(r"urn:urna:broker:([1-9][0-9]{0,77}):0x([0-9a-f]{40}):([1-9][0-9]{0,9})", re.ASCII)


class BrokerError(ProtocolError):
    """An issuer's name that begins as a broker's and is none, or a key that is no point of P-256."""


@dataclass(frozen=True, slots=True)
class BrokerIssuer:
    """Whose broker an `iss` names; `str` gives it back."""

    chain_id: int
    consortium: Address
    entity: EntityId

    def __str__(self) -> str:
        return f"{_PREFIX}{self.chain_id}:0x{self.consortium.hex()}:{self.entity}"


def parse_issuer(issuer: str) -> BrokerIssuer | None:
    """The broker that the `iss` names; None where it names another kind of issuer. One broker has one name.

    Raises:
        BrokerError: it begins as a broker's and goes on otherwise.
    """
    if not issuer.startswith(_PREFIX):
        return None
    found = _FORM.fullmatch(issuer)
    if found is None or int(found[3]) >= 1 << 32 or int(found[1]) >= 1 << 256:
        raise BrokerError(f"{issuer!r} is no broker: {_PREFIX}CHAIN:0xCONSORTIUM:ENTITY, in lower case")
    return BrokerIssuer(int(found[1]), Address(bytes.fromhex(found[2])), EntityId(int(found[3])))


def is_removal(key: P256Point) -> bool:
    """Whether registering it removes the key that there was."""
    return (key.x, key.y) == (0, 0)


def is_on_curve(key: P256Point) -> bool:
    """Whether it is a point of P-256, in range; infinity has no such form."""
    in_range = 0 <= key.x < _P and 0 <= key.y < _P
    return in_range and (key.y * key.y - (key.x**3 - 3 * key.x + _B)) % _P == 0


def to_jwk(key: P256Point) -> dict[str, str]:
    """The key as RFC 7518 (6.2) has it.

    Raises:
        BrokerError: it is no point of the curve.
    """
    if not is_on_curve(key):
        raise BrokerError("the key is no point of P-256")
    x, y = (base64.urlsafe_b64encode(one.to_bytes(32, "big")).rstrip(b"=").decode() for one in (key.x, key.y))
    return {"kty": "EC", "crv": "P-256", "alg": ALGORITHM, "use": "sig", "x": x, "y": y}
