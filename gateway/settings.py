# SPDX-License-Identifier: AGPL-3.0-or-later
"""The gateway's settings: read once, typed, from the environment (`URNA_GATEWAY_…`) or the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, HttpUrl, InstanceOf, PlainSerializer, TypeAdapter
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import URL

from gateway.database import parse_url
from gateway.eid.issuers import IssuerSettings

DatabaseUrl = Annotated[
    InstanceOf[URL],
    NoDecode,
    BeforeValidator(lambda given: parse_url(given) if isinstance(given, str) else given),
    PlainSerializer(repr, return_type=str),  # with stars
]


class Settings(BaseSettings):
    """One entity's gateway and registrar. Paths are folders or files of this entity alone."""

    model_config = SettingsConfigDict(env_prefix="URNA_GATEWAY_", frozen=True, extra="forbid")

    entity: Path = Field(description="the entity's folder, made by `urna entity init`")
    deployment: Path = Field(description="the deployment file, deployments/<network>.json")
    rpc: HttpUrl = Field(description="the chain's RPC")
    issuers: Path = Field(description="JSON list of the accepted eID issuers")
    database: DatabaseUrl | None = Field(
        default=None,
        description="postgresql://user:password@host:port/database for journal and index; by default they are SQLite "
        "files in the entity's folder",
    )
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8700

    #: A batch leaves when it has this many entries, or its oldest has waited this long (seconds).
    batch_size: Annotated[int, Field(ge=1, le=200)] = 100
    batch_age: Annotated[float, Field(ge=0, le=600)] = 2.0
    #: Ballots wait until this long before the close at the latest (seconds of chain time).
    last_call: Annotated[int, Field(ge=5, le=3600)] = 30
    #: How many accepted submissions of a kind may wait before the gateway says 429.
    queue_limit: Annotated[int, Field(ge=1)] = 20_000
    rpc_timeout: Annotated[float, Field(gt=0, le=120)] = 10.0
    member_timeout: Annotated[float, Field(gt=0, le=120)] = 10.0
    poll_interval: Annotated[float, Field(gt=0, le=60)] = 0.25

    @property
    def journal_path(self) -> Path:
        """Durable: outbox, evidence, peppers, texts. Back it up."""
        return self.entity / "journal.sqlite"

    @property
    def index_path(self) -> Path:
        """A cache of the chain: may be deleted at any time."""
        return self.entity / "index.sqlite"

    def load_issuers(self) -> list[IssuerSettings]:
        """Raises ValueError naming the file where it is no list of issuers, or names one twice."""
        try:
            issuers = TypeAdapter(list[IssuerSettings]).validate_python(json.loads(self.issuers.read_text()))
        except (OSError, ValueError) as error:
            raise ValueError(f"{self.issuers}: not a usable list of issuers: {error}") from error
        if not issuers or len({issuer.iss for issuer in issuers}) != len(issuers):
            raise ValueError(f"{self.issuers}: at least one issuer, each once")
        return issuers
