# SPDX-License-Identifier: AGPL-3.0-or-later
"""An issuer whose key the tests hold: it signs whatever token a test needs, good or bad, and serves its key set.

What a real issuer does is tested with the real provider (tests/eid.py).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI

AUDIENCE = "urna"
LIFETIME = 300


@dataclass(frozen=True)
class SigningKey:
    kid: str
    private: ec.EllipticCurvePrivateKey

    def public_jwk(self) -> dict[str, Any]:
        jwk = jwt.algorithms.ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**jwk, "kid": self.kid, "use": "sig", "alg": "ES256"}


def new_key() -> SigningKey:
    private = ec.generate_private_key(ec.SECP256R1())
    point = private.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    return SigningKey(point.hex()[:16], private)


def sign_token(key: SigningKey, iss: str, subject: str, nonce: str, claims: Mapping[str, Any]) -> str:
    now = int(time.time())
    payload = {
        "acr": "substantial",
        **claims,
        "iss": iss,
        "aud": AUDIENCE,
        "sub": subject,
        "nonce": nonce,
        "iat": now,
        "exp": now + LIFETIME,
        "jti": secrets.token_hex(8),
    }
    return jwt.encode(payload, key.private, algorithm="ES256", headers={"kid": key.kid})


def create_app(iss: str, key: SigningKey) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None)

    @app.get("/.well-known/openid-configuration")
    def configuration() -> dict[str, str]:
        return {"issuer": iss, "jwks_uri": f"{iss}/jwks"}

    @app.get("/jwks")
    def jwks() -> dict[str, Any]:
        return {"keys": [key.public_jwk()]}

    return app
