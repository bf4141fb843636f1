# SPDX-License-Identifier: AGPL-3.0-or-later
"""An eID with an attribute service that behaves as autenticação.gov's documentation says: implicit grant, then
attributes by a context, some of them pending at first."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

CITIZEN = "http://interop.gov.pt/MDC/Cidadao/"
CARD = "http://interop.gov.pt/DadosCC/Cidadao/"
CLIENT = "8060676576749345306"


def address(parish: str) -> str:
    """As MoradaDadosCC.xsd has it."""
    return (
        '<?xml version="1.0" encoding="utf-16"?>'
        '<Morada xmlns="http://www.cartaodecidadao.pt/tipos/ama">'
        '<Portuguesa xmlns="http://www.cartaodecidadao.pt/tipos/comum/cidadao"><Localidade>Lisboa</Localidade>'
        f"<DistritoConcelhoFreguesia>{parish}</DistritoConcelhoFreguesia><ViaTipo>Rua</ViaTipo>"
        "<ViaDesignacao>do Segredo</ViaDesignacao><CodigoPostalPortugues><CodigoPostal>1000</CodigoPostal>"
        "<LocalidadePostal>LISBOA</LocalidadePostal></CodigoPostalPortugues></Portuguesa>"
        '<Versao xmlns="http://www.cartaodecidadao.pt/tipos/comum/cidadao">000001</Versao>'
        '<Estado xmlns="http://www.cartaodecidadao.pt/tipos/comum/cidadao">Securizado</Estado></Morada>'
    )


def citizen(nic: str, born: str = "31-01-1990", parish: str = "110655", card: str = "15366302 1 ZX8") -> dict[str, str]:
    return {
        CITIZEN + "NIC": nic,
        CITIZEN + "NIF": "2" + nic,
        CITIZEN + "NomeCompleto": "ANA SEGREDO",
        CITIZEN + "DataNascimento": born,
        CITIZEN + "Nacionalidade": "PRT",
        CARD + "MoradaXML": address(parish),
        CARD + "NoDocumento": card,
    }


@dataclass
class Autenticacao:
    """`person` is who logs in next. `pending` is how many answers come before all attributes are there."""

    person: dict[str, str] = field(default_factory=lambda: citizen("15366302"))
    pending: int = 0
    status: int = 200
    cancels: bool = False
    tokens: dict[str, dict[str, str]] = field(default_factory=dict)
    contexts: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    def create_app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/oauth/askauthorization")
        def ask(request: Request) -> Response:
            query = dict(request.query_params)
            self.asked.append(query)
            assert query["response_type"] == "token"
            assert query["client_id"] == CLIENT
            if self.cancels:
                return RedirectResponse(f"{query['redirect_uri']}#{urlencode({'error': 'cancelled'})}", 302)
            token = secrets.token_hex(16)
            self.tokens[token] = self.person
            answer = {"access_token": token, "token_type": "bearer", "expires_in": "3600", "state": query["state"]}
            return RedirectResponse(f"{query['redirect_uri']}#{urlencode(answer)}", 302)

        manager = "/oauthresourceserver/api/AttributeManager"

        @app.post(manager)
        async def begin(request: Request) -> Response:
            body: dict[str, Any] = await request.json()
            if self.status != 200 or body["token"] not in self.tokens:
                return JSONResponse({"Message": "refused"}, self.status if self.status != 200 else 400)
            context = secrets.token_hex(8)
            self.contexts[context] = (body["token"], body["attributesName"])
            return JSONResponse({"token": body["token"], "authenticationContextId": context})

        @app.get(manager)
        def attributes(request: Request) -> Response:
            token, wanted = self.contexts[request.query_params["authenticationContextId"]]
            assert request.query_params["token"] == token
            waits, self.pending = self.pending > 0, self.pending - 1
            return JSONResponse([self._attribute(self.tokens[token], name, waits) for name in wanted])

        return app

    @staticmethod
    def _attribute(person: dict[str, str], name: str, waits: bool) -> dict[str, str | None]:
        if waits and name.startswith(CARD):  # what another authority has takes longer
            return {"name": name, "value": None, "state": "Pending"}
        if name not in person:
            return {"name": name, "value": None, "state": "NotAvailable"}
        return {"name": name, "value": person[name], "state": "Available"}
