# SPDX-License-Identifier: AGPL-3.0-or-later
"""The gateway's settings: typed, read once, from the command line, `URNA_GATEWAY_…` in the environment, or a file.

The first that names a setting wins, in this order. What is wrong with them is told all at once, by key, value, reason;
secrets print as stars. docs/operations.md lists them.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    DirectoryPath,
    Field,
    FilePath,
    HttpUrl,
    InstanceOf,
    PlainSerializer,
    SecretBytes,
    SecretStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from sqlalchemy.engine import URL

from gateway.database import parse_url
from gateway.eid.issuers import IssuerSettings

PREFIX = "URNA_GATEWAY_"
CONFIG = "URNA_GATEWAY_CONFIG"
STARS = "********"

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?\Z|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?\Z", re.ASCII)
_PASSWORD = re.compile(r"(?<=://)([^/@:\s]*):[^@\s]*@")


@dataclass(frozen=True, slots=True)
class Fault:
    """One setting that cannot be used."""

    key: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"{self.key} = {self.value}: {self.reason}"


class SettingsError(ValueError):
    """All that is wrong with the settings, so that nobody has to start ten times to learn it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(f"setting {fault}" for fault in faults))
        self.faults = tuple(faults)


def _split(value: object) -> object:
    """Lists are written as JSON or TOML lists, or with commas."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [part.strip() for part in value.split(",") if part.strip()]


def _origin(value: str) -> str:
    if not _ORIGIN.match(value):
        raise ValueError("an origin is scheme, host and port alone, like https://urna.example.org")
    return value


DatabaseUrl = Annotated[
    InstanceOf[URL],
    BeforeValidator(lambda given: parse_url(given) if isinstance(given, str) else given),
    PlainSerializer(repr, return_type=str),  # with stars
]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(lambda value: ip_network(value))]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_split)]
Addresses = Annotated[tuple[HttpUrl, ...], BeforeValidator(_split)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], BeforeValidator(_split)]


class Settings(BaseModel):
    """One entity's gateway and registrar. Paths are folders or files of this entity alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # The entity and its chain
    entity: DirectoryPath = Field(description="the entity's folder, made by `urna entity init`")
    deployment: FilePath = Field(description="the deployment file, deployments/<network>.json")
    rpc: HttpUrl = Field(description="the chain's RPC")
    rpc_others: Addresses = Field(
        (), description="further RPCs that the index reads from when the first does not answer, or lies"
    )
    issuers: FilePath = Field(description="JSON list of the accepted eID issuers")
    database: DatabaseUrl | None = Field(
        default=None,
        description="postgresql://user:password@host:port/database for journal and index; by default they are SQLite "
        "files in the entity's folder",
    )

    # Where it answers
    host: str = Field("127.0.0.1", description="the address it listens on")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8700, description="the port it listens on; 0: any")
    cors_origins: Origins = Field(
        (), description="pages of these origins may ask from a browser: the other members', say; none by default"
    )
    hsts: Annotated[int, Field(ge=0)] = Field(
        0, description="Strict-Transport-Security for so many seconds; 0: not sent. Only behind TLS"
    )

    # The relay
    batch_size: Annotated[int, Field(ge=1, le=200)] = Field(100, description="a batch leaves with this many entries")
    batch_age: Annotated[float, Field(ge=0, le=600)] = Field(
        2.0, description="or when its oldest has waited for so many seconds"
    )
    drain_timeout: Annotated[float, Field(ge=0, le=600)] = Field(
        30.0, description="seconds that a gateway which is told to stop takes to bring what it accepted to its end"
    )
    last_call: Annotated[int, Field(ge=5, le=3600)] = Field(
        30, description="seconds of chain time before the close in which no ballot waits for company"
    )
    queue_limit: Annotated[int, Field(ge=1)] = Field(
        20_000, description="submissions of a kind that may wait before the answer is 429"
    )
    promise_horizon: Annotated[float, Field(ge=1, le=86_400)] = Field(
        600.0, description="seconds within which what is accepted is promised to stand on the chain, a queue included"
    )
    poll_interval: Annotated[float, Field(gt=0, le=60)] = Field(0.25, description="seconds between looks at the chain")

    text_interval: Annotated[float, Field(gt=0, le=600)] = Field(
        2.0, description="seconds between looks at the other members for texts that the chain names"
    )

    # Bounds
    rpc_timeout: Annotated[float, Field(gt=0, le=120)] = Field(10.0, description="seconds the chain has for an answer")
    member_timeout: Annotated[float, Field(gt=0, le=120)] = Field(
        10.0, description="seconds another member has for an answer"
    )
    client_rate: Annotated[float, Field(gt=0)] = Field(
        100.0, description="requests a second of one address in the long run, ballots apart; a write counts for five"
    )
    client_burst: Annotated[float, Field(ge=5)] = Field(1000.0, description="requests of one address at once")
    trusted_proxies: Networks = Field(
        (), description="networks of one's own reverse proxies, whose X-Forwarded-For is believed"
    )
    unlimited: Networks = Field(
        (ip_network("127.0.0.0/8"), ip_network("::1/128")), description="networks whose requests are not rationed"
    )

    # What it tells its operator
    log_format: Literal["text", "json"] = Field("text", description="how log lines are written")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least that is logged")
    access_log: bool = Field(False, description="a line for each request but ballots, without addresses and ids")
    metrics_host: str = Field("127.0.0.1", description="the address for metrics; keep it internal")
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        None, description="Prometheus metrics on this port; off by default; 0: any"
    )
    disk_low: Annotated[int, Field(ge=0)] = Field(512, description="MB free below which /health/ready warns")

    # Sessions. Longer is handier, and worse on a shared computer.
    session_idle: Annotated[float, Field(ge=60, le=3600)] = Field(
        900.0, description="seconds without use after which a session ends"
    )
    session_lifetime: Annotated[float, Field(ge=60, le=8 * 3600)] = Field(
        3600.0, description="seconds after which every session ends"
    )

    @model_validator(mode="after")
    def _promises_can_be_kept(self) -> Self:
        least = 2 * (self.batch_age + 2 * self.member_timeout)
        if self.promise_horizon < least:
            raise ValueError(
                f"promise_horizon is {self.promise_horizon:g} s, but with this batch_age and member_timeout at least "
                f"{least:g} s are needed: raise it, or lower those"
            )
        return self

    @property
    def index_path(self) -> Path:
        """A cache of the chain: may be deleted at any time."""
        return self.entity / "index.sqlite"

    def load_issuers(self) -> list[IssuerSettings]:
        """Raises ValueError naming the file where it is no list of issuers, or names one twice."""
        try:
            form = TypeAdapter(list[IssuerSettings], config=ConfigDict(hide_input_in_errors=True))  # they hold secrets
            issuers = form.validate_python(json.loads(self.issuers.read_text()))
        except (OSError, ValueError) as error:
            raise ValueError(f"{self.issuers}: not a usable list of issuers: {error}") from error
        if not issuers or len({issuer.iss for issuer in issuers}) != len(issuers):
            raise ValueError(f"{self.issuers}: at least one issuer, each once")
        return issuers


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and for each where it was given: `command line`, `environment`, the file, or `default`."""

    settings: Settings
    sources: Mapping[str, str]


def load(
    config: Path | None = None, given: Mapping[str, object] | None = None, environ: Mapping[str, str] | None = None
) -> Loaded:
    """`given` by the command line, else the environment, else the file (`config`, or that of URNA_GATEWAY_CONFIG).

    Raises SettingsError with all faults.
    """
    given, environ = given or {}, os.environ if environ is None else environ
    if config is None and environ.get(CONFIG):
        config = Path(environ[CONFIG])
    in_environment = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and name != CONFIG
    }
    layers: list[tuple[str, Mapping[str, object]]] = [
        (str(config), {} if config is None else _read(config)),
        ("environment", in_environment),
        ("command line", given),
    ]
    values: dict[str, object] = {}
    sources = dict.fromkeys(Settings.model_fields, "default")
    for source, layer in layers:
        values.update(layer)
        sources.update(dict.fromkeys(layer, source))
    try:
        return Loaded(Settings.model_validate(values), sources)
    except ValidationError as error:
        raise SettingsError([_fault(details, values, sources) for details in error.errors()]) from None


def _read(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError([Fault("config", str(path), f"cannot be read: {error}")]) from error


def _fault(details: Any, values: Mapping[str, object], sources: Mapping[str, str]) -> Fault:
    key = str(details["loc"][0]) if details["loc"] else "settings"
    if details["type"] == "missing":
        return Fault(
            key, "(not given)", f"give --{key.replace('_', '-')}, {PREFIX}{key.upper()}, or a line in the file"
        )
    if details["type"] == "extra_forbidden":
        return Fault(key, STARS, f"there is no such setting (from {sources[key]}); see docs/operations.md")
    return Fault(key, shown(key, values.get(key)), f"{details['msg']} (from {sources.get(key, 'default')})")


def shown(key: str, value: object) -> str:
    """A value as it may be printed: secrets, and passwords in addresses, as stars."""
    field = Settings.model_fields.get(key)
    unparsed = isinstance(value, str) and field is not None and "URL" in str(field.annotation)
    if isinstance(value, SecretStr | SecretBytes) or unparsed or (field and "Secret" in str(field.annotation)):
        return STARS
    if isinstance(value, URL):
        return repr(value)
    if isinstance(value, tuple | list):
        return ",".join(shown(key, each) for each in value)
    return _PASSWORD.sub(rf"\1:{STARS}@", "" if value is None else str(value))
