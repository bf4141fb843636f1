# SPDX-License-Identifier: AGPL-3.0-or-later
"""Requests between members' services, signed by an account of the sender.

Headers: `X-Urna-Entity` (the sender's number), `X-Urna-Timestamp` (Unix seconds), `X-Urna-Nonce` (32 hex digits),
`X-Urna-Signature` (0x, 65 bytes): the EIP-191 signature of the 32 bytes

    keccak("urna/member/v1" LF method LF path LF entity LF audience LF timestamp LF nonce LF keccak(body) in hex)

in ASCII, method in capitals, path with its query, `audience` the receiver's number, so that a receiver cannot hand
the request on as the sender's. Codes of MemberAuthError: `missing-signature`, `malformed-signature`,
`stale-timestamp`, `replayed-nonce`, `too-many-requests`, `unknown-account`.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from node.errors import KeystoreError, MemberAuthError
from node.keys import Signer, recover_message_signer
from protocol.hashing import keccak

ENTITY, TIMESTAMP, NONCE, SIGNATURE = "X-Urna-Entity", "X-Urna-Timestamp", "X-Urna-Nonce", "X-Urna-Signature"
MAX_SKEW = 60.0
MAX_NONCES = 5_000  # per account, so that one member cannot lock out the others

_NUMBER = re.compile(r"(0|[1-9][0-9]{0,11})\Z", re.ASCII)
_NONCE = re.compile(r"[0-9a-f]{32}\Z", re.ASCII)
_SIGNATURE = re.compile(r"0x[0-9a-f]{130}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Member:
    """Who signed: an entity's number and the name of the role (`publisher`, `registrar`, …) whose account it was."""

    entity: int
    role: str


Resolver = Callable[[bytes], Member | None]
"""From an account's address (20 bytes) to the active entity and role that it serves, None where there is none."""


def sign(
    key: Signer, *, entity: int, audience: int, method: str, path: str, body: bytes, now: float | None = None
) -> dict[str, str]:
    """The four headers for one request; a repeated request needs new ones."""
    timestamp = str(int(time.time() if now is None else now))
    nonce = secrets.token_hex(16)
    digest = _digest(method, path, str(entity), audience, timestamp, nonce, body)
    signature = "0x" + key.sign_message(digest).hex()
    return {ENTITY: str(entity), TIMESTAMP: timestamp, NONCE: nonce, SIGNATURE: signature}


class Verifier:
    """Verifies requests addressed to one entity. Remembers nonces while they could be replayed; safe across threads."""

    def __init__(self, resolver: Resolver, *, audience: int, clock: Callable[[], float] = time.time) -> None:
        self._resolver = resolver
        self._audience = audience
        self._clock = clock
        self._lock = threading.Lock()
        self._nonces: dict[bytes, dict[str, float]] = {}

    def verify(self, *, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Member:
        """Who sent the request. Raises MemberAuthError; a nonce is spent only by a request that is authentic."""
        found = {name.lower(): value for name, value in headers.items()}
        entity, timestamp, nonce, signature = (
            found.get(name.lower(), "") for name in (ENTITY, TIMESTAMP, NONCE, SIGNATURE)
        )
        if not signature:
            raise MemberAuthError("missing-signature", "The request carries no member's signature.")
        formed = _NUMBER.match(entity) and _NUMBER.match(timestamp)
        if not (formed and _NONCE.match(nonce) and _SIGNATURE.match(signature)):
            raise MemberAuthError("malformed-signature", "The headers of the member's signature are malformed.")
        now = self._clock()
        if abs(now - int(timestamp)) > MAX_SKEW:
            raise MemberAuthError("stale-timestamp", "The request was signed too long ago; check the clocks.")
        digest = _digest(method, path, entity, self._audience, timestamp, nonce, body)
        try:
            account = recover_message_signer(digest, bytes.fromhex(signature[2:]))
        except KeystoreError as error:
            raise MemberAuthError("malformed-signature", str(error)) from error
        member = self._resolver(account)
        if member is None or member.entity != int(entity):
            raise MemberAuthError("unknown-account", f"The request is not signed by an account of entity {entity}.")
        self._spend(account, nonce, now)
        return member

    def _spend(self, account: bytes, nonce: str, now: float) -> None:
        with self._lock:
            own = self._nonces.get(account, {})
            if len(own) >= MAX_NONCES:
                own = {key: until for key, until in own.items() if until > now}
            if nonce in own:
                raise MemberAuthError("replayed-nonce", "The request was seen before; sign it anew.")
            if len(own) >= MAX_NONCES:
                raise MemberAuthError("too-many-requests", "This account sent too many requests; wait two minutes.")
            own[nonce] = now + 2 * MAX_SKEW
            self._nonces[account] = own


def _digest(method: str, path: str, entity: str, audience: int, timestamp: str, nonce: str, body: bytes) -> bytes:
    lines = ("urna/member/v1", method.upper(), path, entity, str(audience), timestamp, nonce, keccak(body).hex())
    return keccak("\n".join(lines).encode())
