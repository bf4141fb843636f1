# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sessions, in memory alone: what an eID says of a person is on no disk, in no backup, and gone with a restart."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.eid.tokens import Person
from gateway.problems import TooMany
from protocol.scope import Assurance

MAX_SESSIONS = 20_000
MAX_PER_PERSON = 5
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody logged in. Times are Unix seconds; `ends` is the latest, whatever happens."""

    person: Person = field(repr=False)
    began: float
    ends: float
    expires: float  # unless it is used before

    @property
    def level(self) -> Assurance | None:
        """The eIDAS level of the log-in, None where the issuer's word for it is not known here."""
        claimed = self.person.claims.get("acr")
        return next((level for level in Assurance if claimed == level.name.lower()), None)


@dataclass(slots=True)
class _Entry:
    person: Person
    began: float
    seen: float


class Sessions:
    """Found by a secret of which only the hash is kept. Ends after `idle` seconds without use, or `lifetime` in all."""

    def __init__(
        self,
        idle: float = 900.0,
        lifetime: float = 3600.0,
        limit: int = MAX_SESSIONS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._idle, self._lifetime, self._limit, self._clock = idle, lifetime, limit, clock
        self._entries: dict[bytes, _Entry] = {}
        self._lock = threading.Lock()

    def open(self, person: Person) -> tuple[str, Session]:
        """A new session's secret, and the session. A person's oldest gives way to it. Raises TooMany."""
        now, secret = self._clock(), secrets.token_urlsafe(SECRET_BYTES)
        with self._lock:
            own = [key for key, entry in self._entries.items() if _same(entry.person, person)]
            for key in own[: max(0, len(own) + 1 - MAX_PER_PERSON)]:
                del self._entries[key]
            if len(self._entries) >= self._limit:
                self._drop_ended(now)
            if len(self._entries) >= self._limit:
                raise TooMany("Too many people are logged in here; try again in a few minutes.")
            entry = self._entries[_key(secret)] = _Entry(person, now, now)
            return secret, self._session(entry)

    def use(self, secret: str) -> Session | None:
        """The session of this secret, used now; None where there is none, or none any more."""
        now = self._clock()
        with self._lock:
            entry = self._entries.get(_key(secret))
            if entry is None:
                return None
            if self._is_over(entry, now):
                del self._entries[_key(secret)]
                return None
            entry.seen = max(entry.seen, now)
            return self._session(entry)

    def end(self, secret: str) -> None:
        """Log-out; nothing happens where there is no such session."""
        with self._lock:
            self._entries.pop(_key(secret), None)

    def end_all(self, namespace: str, subject: str) -> int:
        """End every session of a person; how many there were."""
        with self._lock:
            own = [
                key
                for key, entry in self._entries.items()
                if (entry.person.namespace, entry.person.subject) == (namespace, subject)
            ]
            for key in own:
                del self._entries[key]
            return len(own)

    def sweep(self) -> None:
        """Forget what is over: attributes are not kept until somebody happens to ask."""
        with self._lock:
            self._drop_ended(self._clock())

    def __len__(self) -> int:
        return len(self._entries)

    def _drop_ended(self, now: float) -> None:
        self._entries = {key: entry for key, entry in self._entries.items() if not self._is_over(entry, now)}

    def _is_over(self, entry: _Entry, now: float) -> bool:
        return now >= min(entry.began + self._lifetime, entry.seen + self._idle)

    def _session(self, entry: _Entry) -> Session:
        ends = entry.began + self._lifetime
        return Session(entry.person, entry.began, ends, min(ends, entry.seen + self._idle))


def _same(left: Person, right: Person) -> bool:
    return (left.namespace, left.subject) == (right.namespace, right.subject)


def _key(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
