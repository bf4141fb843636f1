# SPDX-License-Identifier: AGPL-3.0-or-later
"""An OpenID provider under a test's hand: it knows who sits at the browser, checks PKCE, and misbehaves when told."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from tests.gateway import issuer


@dataclass
class Provider:
    """`person` consents at once. `codes` are those not redeemed yet, `tokens` all that were issued."""

    iss: str
    key: issuer.SigningKey
    person: str = "ana"
    claims: dict[str, Any] = field(default_factory=lambda: {"residence": "PT-1106", "birthdate": "1990-01-01"})
    #: What it says of itself, and answers; a test changes them.
    names_itself: bool = True
    answer_iss: str | None = None
    error: str | None = None
    nonce: str | None = None
    token_answer: Callable[[str], Response] | None = None
    hang: threading.Event | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    redeemed: list[dict[str, Any]] = field(default_factory=list)

    def reset(self) -> None:
        fresh = Provider(self.iss, self.key)
        self.__dict__.update(fresh.__dict__)

    def create_app(self) -> FastAPI:
        app = issuer.create_app(self.iss, self.key)
        app.router.routes = [
            route for route in app.router.routes if getattr(route, "path", "") != "/.well-known/openid-configuration"
        ]

        @app.get("/.well-known/openid-configuration")
        def configuration() -> dict[str, Any]:
            return {
                "issuer": self.iss,
                "jwks_uri": f"{self.iss}/jwks",
                "authorization_endpoint": f"{self.iss}/authorize",
                "token_endpoint": f"{self.iss}/token",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "authorization_response_iss_parameter_supported": self.names_itself,
            }

        @app.get("/authorize")
        def authorize(request: Request) -> Response:
            asked = dict(request.query_params)
            self.asked.append(asked)
            answer = {"state": asked["state"]}
            if self.names_itself or self.answer_iss is not None:
                answer["iss"] = self.answer_iss or self.iss
            if self.error is not None:
                answer["error"] = self.error
            else:
                answer["code"] = secrets.token_urlsafe(24)
                self.codes[answer["code"]] = asked
            return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", status_code=303)

        @app.post("/token")
        async def token(request: Request) -> Response:
            form = dict(parse_qsl((await request.body()).decode()))
            self.redeemed.append(
                {"client_id": form.get("client_id"), "authorization": request.headers.get("authorization")}
            )
            if self.hang is not None:
                await asyncio.to_thread(self.hang.wait, 20)
            asked = self.codes.pop(form["code"], None)
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            bound = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if asked is None or asked["code_challenge"] != bound or asked["redirect_uri"] != form["redirect_uri"]:
                return JSONResponse({"error": "invalid_grant"}, status_code=400)
            issued = self.token(asked["nonce"])
            if self.token_answer is not None:
                return self.token_answer(issued)
            return JSONResponse({"access_token": secrets.token_hex(8), "token_type": "Bearer", "id_token": issued})

        return app

    def token(self, nonce: str) -> str:
        issued = issuer.sign_token(self.key, self.iss, self.person, self.nonce or nonce, self.claims)
        self.tokens.append(issued)
        return issued
