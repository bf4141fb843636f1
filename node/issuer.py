# SPDX-License-Identifier: AGPL-3.0-or-later
"""A development eID issuer: signs an ID token for whatever person it is told about. Never for production.

It keeps its signing key in a folder, so that it can be killed and started again, and serves what a verifier of
OpenID Connect needs: discovery and the key set. Its log names no person.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import uvicorn
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

AUDIENCE = "urna"
LIFETIME = 300


class Authorisation(BaseModel):
    """What a log-in at a real issuer would establish: the person, and the nonce that the client asked for."""

    model_config = ConfigDict(extra="forbid")

    subject: str = Field(min_length=1, max_length=255)
    nonce: str = Field(min_length=16, max_length=128)
    claims: dict[str, str | list[str]] = Field(default_factory=dict, max_length=16)


@dataclass(frozen=True)
class SigningKey:
    kid: str
    private: ec.EllipticCurvePrivateKey

    def public_jwk(self) -> dict[str, Any]:
        jwk = jwt.algorithms.ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**jwk, "kid": self.kid, "use": "sig", "alg": "ES256"}


def load_key(folder: Path) -> SigningKey:
    """The key of this folder, made when there is none."""
    path = folder / "issuer-key.pem"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.touch(mode=0o600)
        path.write_bytes(pem)
    private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path}: not an elliptic-curve key; remove it to have a new one made")
    point = private.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    return SigningKey(point.hex()[:16], private)


def sign_token(key: SigningKey, iss: str, authorisation: Authorisation, now: float) -> str:
    payload = {
        "acr": "substantial",
        **authorisation.claims,
        "iss": iss,
        "aud": AUDIENCE,
        "sub": authorisation.subject,
        "nonce": authorisation.nonce,
        "iat": int(now),
        "exp": int(now) + LIFETIME,
        "jti": secrets.token_hex(8),
    }
    return jwt.encode(payload, key.private, algorithm="ES256", headers={"kid": key.kid})


def create_app(iss: str, key: SigningKey) -> FastAPI:
    app = FastAPI(title="Urna development eID issuer", docs_url=None, redoc_url=None)

    @app.get("/.well-known/openid-configuration")
    def configuration() -> dict[str, Any]:
        return {
            "issuer": iss,
            "jwks_uri": f"{iss}/jwks",
            "id_token_signing_alg_values_supported": ["ES256"],
            "subject_types_supported": ["public"],
            "response_types_supported": ["id_token"],
        }

    @app.get("/jwks")
    def jwks() -> dict[str, Any]:
        return {"keys": [key.public_jwk()]}

    @app.post("/authorise")
    def authorise(authorisation: Authorisation) -> dict[str, str]:
        return {"id_token": sign_token(key, iss, authorisation, time.time())}

    return app


def serve(folder: Path, port: int) -> None:
    """Serve on loopback until told to stop. The issuer's name is its address."""
    iss = f"http://127.0.0.1:{port}"
    (folder / "issuer.json").write_text(json.dumps({"iss": iss, "jwks_uri": f"{iss}/jwks", "audience": AUDIENCE}))
    uvicorn.run(create_app(iss, load_key(folder)), host="127.0.0.1", port=port, log_level="warning", access_log=False)
