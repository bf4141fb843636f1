# SPDX-License-Identifier: AGPL-3.0-or-later
"""Brokers as issuers: their keys stand on the chain, so that nobody is asked (docs/protocol/encodings.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import jwt

from gateway.problems import TokenIssuer, TokenSignature
from protocol.broker import ALGORITHM, BrokerError, BrokerIssuer, parse_issuer, to_jwk
from protocol.types import Address, EntityId, InitiativeId, P256Point


class BrokerKeys(Protocol):
    """What the chain says of brokers' keys (gateway/index/view.py)."""

    def broker_key(self, entity: EntityId, initiative: InitiativeId | None) -> P256Point | None: ...


@dataclass(frozen=True, slots=True)
class Brokers:
    """The brokers of one consortium. All of their tokens are for the consortium as a whole."""

    chain_id: int
    consortium: Address
    keys: BrokerKeys

    @property
    def audience(self) -> str:
        return audience(self.chain_id, self.consortium)

    def find(self, iss: str) -> BrokerIssuer | None:
        """The broker of this name, None for another kind of issuer. Raises TokenIssuer for no broker of ours."""
        try:
            named = parse_issuer(iss)
        except BrokerError as error:
            raise TokenIssuer("The token's issuer is no broker.") from error
        if named is not None and (named.chain_id, named.consortium) != (self.chain_id, self.consortium):
            raise TokenIssuer("The token's issuer is a broker of another consortium.")
        return named

    def key(self, broker: BrokerIssuer, initiative: InitiativeId | None) -> jwt.PyJWK:
        """The key under which its tokens count, for an initiative the one that stood when it was created.

        Raises TokenSignature where there is none.
        """
        point = self.keys.broker_key(broker.entity, initiative)
        if point is None:
            raise TokenSignature("The broker has no key on the chain that counts here.")
        return jwt.PyJWK.from_dict(to_jwk(point), algorithm=ALGORITHM)


def audience(chain_id: int, consortium: Address) -> str:
    """What a broker's tokens name as their audience: the whole consortium, whose registrars all verify them."""
    return f"urn:urna:consortium:{chain_id}:0x{consortium.hex()}"
