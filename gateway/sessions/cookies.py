# SPDX-License-Identifier: AGPL-3.0-or-later
"""The cookies of log-in, and where a browser sends them.

A session's cookie is set once for each path below which sessions count, and for no other: a browser cannot send it to
the address where ballots are cast, whatever a page forgets. `__Host-` would demand `Path=/` (docs/adr/0011), so
`__Secure-` it is. A gateway on loopback without TLS, for development, has neither prefix nor `Secure`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

#: Where a session's cookie goes: the path itself and what is below. Never `/`, `/v1` or `/v1/initiatives`.
SESSION_PATHS = ("/v1/profile", "/v1/back-office")
AUTHORISATION_PATH = "/v1/authorisations"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Origin:
    """The address under which browsers know this gateway, `https://urna.example.org`."""

    url: str
    is_root: bool = True  # cookies' paths begin at the root, so the gateway must

    @property
    def is_secure(self) -> bool:
        return self.url.startswith("https://")

    @property
    def may_log_in(self) -> bool:
        """Whether cookies are safe on the way: with TLS, or where there is no way to speak of."""
        return self.is_root and (self.is_secure or _is_loopback(urlsplit(self.url).hostname or ""))

    @classmethod
    def of(cls, endpoint: str) -> Origin:
        """That of an entity's endpoint, as browsers write it."""
        parts = urlsplit(endpoint)
        host = (parts.hostname or "").lower()
        host = f"[{host}]" if ":" in host else host
        usual = {"https": 443, "http": 80}.get(parts.scheme)
        port = "" if parts.port in (None, usual) else f":{parts.port}"
        return cls(f"{parts.scheme}://{host}{port}", parts.path in ("", "/"))


class Cookies:
    """Sets and reads the gateway's cookies. What a browser sends twice under one name is taken as not sent: somebody
    on a neighbouring subdomain may have put one of them there."""

    def __init__(self, origin: Origin) -> None:
        self._secure = origin.is_secure
        self._prefix = "__Secure-" if origin.is_secure else ""

    def session(self, request: Request) -> str | None:
        return self._read(request, "urna-session")

    def set_session(self, response: Response, secret: str, lifetime: float) -> None:
        for path in SESSION_PATHS:
            self._set(response, "urna-session", secret, path, int(lifetime), "strict")

    def clear_session(self, response: Response) -> None:
        for path in SESSION_PATHS:
            self._set(response, "urna-session", "", path, 0, "strict")

    def authorisation(self, request: Request, id_: str) -> str | None:
        return self._read(request, f"urna-authorisation-{id_}")

    def set_authorisation(self, response: Response, id_: str, secret: str, lifetime: float) -> None:
        """Lax: the issuer's redirect, which comes from another site, must carry it."""
        self._set(response, f"urna-authorisation-{id_}", secret, AUTHORISATION_PATH, int(lifetime), "lax")

    def clear_authorisation(self, response: Response, id_: str) -> None:
        self._set(response, f"urna-authorisation-{id_}", "", AUTHORISATION_PATH, 0, "lax")

    def _read(self, request: Request, name: str) -> str | None:
        found = [
            value
            for header in request.headers.getlist("cookie")
            for part in header.split(";")
            for key, _, value in [part.strip().partition("=")]
            if key == self._prefix + name
        ]
        return found[0] if len(found) == 1 and _SECRET.match(found[0]) else None

    def _set(self, response: Response, name: str, value: str, path: str, age: int, same_site: str) -> None:
        response.set_cookie(
            self._prefix + name,
            value,
            max_age=age,
            path=path,
            secure=self._secure,
            httponly=True,
            samesite="strict" if same_site == "strict" else "lax",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
