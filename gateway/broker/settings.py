# SPDX-License-Identifier: AGPL-3.0-or-later
"""The broker's settings, one JSON file. What is preset is Portugal's autenticação.gov.

Attribute names, the two endpoints and the address format are those of AMA's public documentation
(github.com/amagovpt/doc-AUTENTICACAO).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, field_validator

from gateway.eid.claims import Name
from node.oidc.fetch import is_secure

_CITIZEN = "http://interop.gov.pt/MDC/Cidadao/"
_CARD = "http://interop.gov.pt/DadosCC/Cidadao/"

NIC = _CITIZEN + "NIC"
"""Número de identificação civil: given once to a Portuguese citizen, and the same on every card that follows."""

AttributeName = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^\S+$")]


class Attribute(BaseModel):
    """The upstream attribute that a claim comes from. `date` is DD-MM-YYYY or YYYY-MM-DD, `address` MoradaXML (its code
    of district, municipality and parish), `code` a text, replaced by what `values` has for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attribute: AttributeName
    form: Literal["code", "date", "address"] = "code"
    values: dict[str, str] = Field(default_factory=dict, max_length=512)
    prefix: str = Field(default="", max_length=32)


PORTUGAL: dict[Name, Attribute] = {
    "birthdate": Attribute(attribute=_CITIZEN + "DataNascimento", form="date"),
    "residence": Attribute(attribute=_CARD + "MoradaXML", form="address", prefix="PT-"),
    "nationality": Attribute(attribute=_CITIZEN + "Nacionalidade", values={"PRT": "PT"}),
}


class BrokerSettings(BaseModel):
    """One broker, by configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Where browsers reach this broker, like https://eid.municipality.example; upstream must know URL/return.
    url: HttpUrl
    #: The eID, like https://autenticacao.gov.pt, and what it calls this entity's application.
    upstream: HttpUrl
    client_id: str = Field(min_length=1, max_length=128)
    #: The members' gateways: their callback addresses, exactly.
    redirect_uris: tuple[str, ...] = Field(min_length=1, max_length=256)
    #: How strong every log-in of this application is, by agreement with the eID: nothing in its answer says so.
    level: Literal["low", "substantial", "high"] = "low"
    #: The level to ask for upstream (`authentication_level`), 1 to 4; the person could change it on the way.
    authentication_level: int | None = Field(default=None, ge=1, le=4)
    #: What identifies a person, whatever document was shown: the first of these that the eID has.
    subject: tuple[AttributeName, ...] = Field(default=(NIC,), min_length=1, max_length=4)
    claims: dict[Name, Attribute] = Field(default_factory=lambda: dict(PORTUGAL))
    #: Seconds: one answer of the eID, between two questions while attributes are pending, and for all of them.
    timeout: float = Field(default=5.0, gt=0, le=30)
    poll: float = Field(default=1.0, gt=0, le=10)
    patience: float = Field(default=15.0, gt=0, le=60)

    @field_validator("url", "upstream")
    @classmethod
    def _secure(cls, value: HttpUrl) -> HttpUrl:
        if not is_secure(str(value)):
            raise ValueError("must be https (http only on this machine)")
        return value

    @field_validator("redirect_uris")
    @classmethod
    def _exact(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for uri in value:
            if not is_secure(uri) or "#" in uri:
                raise ValueError(f"{uri!r} is no redirect address: https, without a fragment")
        return value

    @property
    def base(self) -> str:
        return str(self.url).rstrip("/")

    @property
    def wanted(self) -> tuple[str, ...]:
        """All attributes to ask for, each once."""
        return tuple(dict.fromkeys([*self.subject, *(source.attribute for source in self.claims.values())]))


def load(path: Path) -> BrokerSettings:
    """Raises ValueError naming the file, the key and the reason."""
    try:
        return BrokerSettings.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: not usable as a broker's settings: {error}") from error
