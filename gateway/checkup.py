# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a gateway needs, tried once before it runs: `urna gateway check`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx

from gateway.database import INDEX, JOURNAL, Database, DatabaseError, DatabaseUnavailable
from gateway.eid.issuers import Issuer
from gateway.settings import Settings
from node.deployment import Deployment
from node.entity import EntityFolder
from node.errors import NodeError, RpcUnavailable
from node.member import Member
from node.rpc import RpcClient

REMOTE = (RpcUnavailable, DatabaseUnavailable, httpx.HTTPError)


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was tried. `is_remote`: where it failed, something did not answer."""

    name: str
    ok: bool
    detail: str
    is_remote: bool = False


def checkup(settings: Settings) -> list[Checked]:
    """All checks, in order; those behind one that failed are still made where they can be."""
    return [_tried(name, check) for name, check in _checks(settings)]


def _tried(name: str, check: Callable[[], str]) -> Checked:
    try:
        return Checked(name, True, check())
    except (NodeError, DatabaseError, httpx.HTTPError, ValueError, OSError) as error:
        return Checked(name, False, str(error) or type(error).__name__, isinstance(error, REMOTE))


def _checks(settings: Settings) -> Iterator[tuple[str, Callable[[], str]]]:
    def entity() -> str:
        public = EntityFolder(settings.entity).public
        if len(public.lanes) < 2:
            raise ValueError("a gateway has two relay lanes at least: ballots travel in their own")
        return f"{public.name}, {len(public.lanes)} relay lanes"

    def deployment() -> str:
        return f"chain {Deployment.load(settings.deployment).chain_id}"

    def membership() -> str:
        with RpcClient.connect(str(settings.rpc), timeout=settings.rpc_timeout) as rpc:
            member = Member.open(settings.entity, rpc, Deployment.load(settings.deployment))
            return f"entity {member.entity} of the consortium, at block {rpc.block_number()}"

    yield "entity", entity
    yield "deployment", deployment
    yield "chain", membership

    def list_() -> str:
        return ", ".join(issuer.iss for issuer in settings.load_issuers())

    yield "issuers", list_
    try:
        issuers = settings.load_issuers()
    except ValueError:
        issuers = []
    for issuer in issuers:

        def keys(asked: Issuer = Issuer(issuer)) -> str:
            return f"{len(asked.keys())} keys"

        yield f"keys of {issuer.iss}", keys

    def database() -> str:
        if settings.database is None:
            return "SQLite files in the entity's folder"
        for store in (JOURNAL, INDEX):
            Database(settings.database, store).close()
        return repr(settings.database)

    def disk() -> str:
        free = shutil.disk_usage(settings.entity).free // (1 << 20)
        if free < settings.disk_low:
            raise ValueError(f"{free} MB free at {settings.entity}, less than disk_low = {settings.disk_low}")
        return f"{free} MB free"

    yield "database", database
    yield "disk", disk
