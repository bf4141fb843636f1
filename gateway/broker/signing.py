# SPDX-License-Identifier: AGPL-3.0-or-later
"""The broker's key: what it signs, and the subjects that follow from it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.eid.brokers import audience
from node.keys import Secret
from protocol.broker import ALGORITHM, BrokerIssuer, to_jwk
from protocol.types import P256Point

LIFETIME = 300
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # SEC 2, section 2.4.2


def new_secret() -> Secret:
    """A scalar of P-256."""
    return Secret((secrets.randbelow(_ORDER - 1) + 1).to_bytes(32, "big"))


def public_point(secret: Secret) -> P256Point:
    """What stands on the chain."""
    numbers = _private(secret).public_key().public_numbers()
    return P256Point(numbers.x, numbers.y)


def public_pem(secret: Secret) -> bytes:
    """As `urna entity broker-key` reads it."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return _private(secret).public_key().public_bytes(serialization.Encoding.PEM, form)


def _private(secret: Secret) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(secret.reveal(), "big"), ec.SECP256R1())


class BrokerSigner:
    """Signs as one entity's broker.

    Subjects are keyed with a secret that follows from the key: whoever sees one cannot try all civil numbers. A new key
    gives new subjects, which no initiative can mix: it takes the one key that stood when it was created.
    """

    def __init__(self, secret: Secret, issuer: BrokerIssuer, now: Callable[[], float]) -> None:
        self._key = _private(secret)
        self._subjects = hmac.digest(secret.reveal(), b"urna/broker/subjects/v1", hashlib.sha256)
        self._now = now
        self.issuer = str(issuer)
        self.audience = audience(issuer.chain_id, issuer.consortium)
        self.jwk = to_jwk(public_point(secret))

    def subject(self, identifier: str) -> str:
        return hmac.digest(self._subjects, identifier.encode(), hashlib.sha256).hex()

    def token(self, subject: str, nonce: str, level: str, claims: Mapping[str, str | list[str]], since: float) -> str:
        """`since`: when the person logged in, Unix seconds."""
        now = int(self._now())
        payload = {
            **claims,
            "iss": self.issuer,
            "aud": self.audience,
            "sub": subject,
            "nonce": nonce,
            "acr": level,
            "auth_time": int(since),
            "iat": now,
            "exp": now + LIFETIME,
            "jti": secrets.token_hex(8),
        }
        return jwt.encode(payload, self._key, algorithm=ALGORITHM)
