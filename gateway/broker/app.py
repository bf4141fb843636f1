# SPDX-License-Identifier: AGPL-3.0-or-later
"""The broker over HTTP. It has no access log, and nothing of a person is in an address but the code."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from gateway.broker.service import BadState, Broker, NoClient, TokenRefused

COOKIE = "urna-broker"
MAX_FORM = 16 * 1024

#: The token comes in the fragment, which no server sees: this moves it into a form, and out of the address.
_SCRIPT = """
const given = new URLSearchParams(location.hash.slice(1) || location.search.slice(1));
history.replaceState(null, '', location.pathname);
const form = document.forms[0];
for (const name of ['access_token', 'state', 'error']) form.elements[name].value = given.get(name) ?? '';
form.submit();
"""
_SCRIPT_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()

_RETURN = f"""<!doctype html>
<html lang="pt"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Autenticação · Log-in</title></head>
<body><main><h1>Autenticação · Log-in</h1>
<form method="post" action="return">
<input type="hidden" name="access_token"><input type="hidden" name="state"><input type="hidden" name="error">
<p>A voltar à aplicação… <span lang="en">Going back to the application…</span></p></form>
<noscript><p>Este passo precisa de JavaScript, porque o serviço de autenticação só responde assim.
<span lang="en">This step needs JavaScript: the eID answers in no other way.</span></p></noscript>
<script>{_SCRIPT}</script></main></body></html>
"""

_AGAIN = """<!doctype html>
<html lang="pt"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Não foi possível entrar · The log-in failed</title></head>
<body><main><h1>Não foi possível entrar · The log-in failed</h1>
<p>Volte à aplicação e comece de novo. <span lang="en">Go back to the application and begin again.</span></p>
</main></body></html>
"""

_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "content-security-policy": f"default-src 'none'; script-src 'sha256-{_SCRIPT_HASH}'; frame-ancestors 'none'; "
    "base-uri 'none'",
}


def create_app(broker: Broker) -> FastAPI:
    """The broker's own application; a gateway is another."""
    app = FastAPI(title="Urna broker", docs_url=None, redoc_url=None, openapi_url=None)
    is_tls = broker.settings.base.startswith("https:")

    @app.get("/.well-known/openid-configuration")
    def description() -> dict[str, Any]:
        return broker.description()

    @app.get("/jwks")
    def keys() -> dict[str, Any]:
        return {"keys": [broker.signer.jwk]}

    @app.get("/authorize")
    def authorize(request: Request) -> Response:
        try:
            target, cookie = broker.begin(_single(request.query_params.multi_items()))
        except NoClient:
            return HTMLResponse(_AGAIN, 400, _HEADERS)
        response = RedirectResponse(target, 303, _HEADERS)
        response.set_cookie(COOKIE, cookie, max_age=600, path="/", secure=is_tls, httponly=True, samesite="lax")
        return response

    @app.get("/return")
    def back() -> Response:
        return HTMLResponse(_RETURN, headers=_HEADERS)

    @app.post("/return")
    async def finish(request: Request) -> Response:
        form = await _form(request)
        given = [form.get(name, "") for name in ("state", "access_token", "error")] if form is not None else None
        cookie = request.cookies.get(COOKIE, "")
        try:
            if given is None:
                raise BadState
            state, token, error = given
            target = await run_in_threadpool(broker.finish, state, cookie, token, error)
        except BadState:
            return HTMLResponse(_AGAIN, 400, _HEADERS)
        response = RedirectResponse(target, 303, _HEADERS)
        response.delete_cookie(COOKIE, path="/", secure=is_tls, httponly=True, samesite="lax")
        return response

    @app.post("/token")
    async def token(request: Request) -> Response:
        form = await _form(request)
        try:
            if form is None:
                raise TokenRefused("invalid_request")
            id_token = broker.redeem(form)
        except TokenRefused as refused:
            return JSONResponse({"error": refused.code}, 400, _HEADERS)
        # There is nothing to have with an access token: the ID token says it all.
        answer = {
            "id_token": id_token,
            "token_type": "Bearer",
            "access_token": secrets.token_urlsafe(16),
            "expires_in": 1,
        }
        return JSONResponse(answer, headers=_HEADERS)

    return app


async def _form(request: Request) -> dict[str, str] | None:
    """The body's fields, each once; None where it is no form, or too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            return None
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=32)
    except ValueError:
        return None
    return _single(pairs)


def _single(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """RFC 6749, section 3.1: parameters come once; what comes twice counts as missing."""
    names = [name for name, _ in pairs]
    return {name: value for name, value in pairs if names.count(name) == 1}
