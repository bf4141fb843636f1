# SPDX-License-Identifier: AGPL-3.0-or-later
"""What endpoints for people who are logged in depend on."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from gateway.deps import Services, services
from gateway.sessions.problems import CrossSite, NotLoggedIn, SessionEnded
from gateway.sessions.repository import Session

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def same_site(request: Request, all_: Annotated[Services, Depends(services)]) -> None:
    """Refuse what a page of another site makes a browser send. Raises CrossSite.

    Browsers say where a request comes from, in `Sec-Fetch-Site` or at least `Origin`; a page cannot change either. A
    client that is no browser says `Origin` itself. Neither is a refusal, too: nothing here is meant for plain forms.
    """
    fetch_site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if origin is not None and origin != all_.log_in.origin.url:
        raise CrossSite("The request was made by a page of another site.")
    if fetch_site not in (None, "same-origin") or (fetch_site is None and origin is None):
        raise CrossSite("The request does not say that it was made by a page of this gateway (header Origin).")


def session(request: Request, all_: Annotated[Services, Depends(services)]) -> Session:
    """Who is logged in. Raises NotLoggedIn, SessionEnded, and CrossSite where the method changes something."""
    secret = all_.log_in.cookies.session(request)
    if secret is None:
        raise NotLoggedIn("Log in first: POST /v1/authorisations with purpose session.")
    if request.method not in SAFE_METHODS:
        same_site(request, all_)
    found = all_.log_in.sessions.use(secret)
    if found is None:
        raise SessionEnded("The session is over: log in again.")
    return found
