# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna officer …`: who acts for the entity in its gateway's back office."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import httpx

from gateway.officers.roles import Role as OfficerRole
from node import member_auth
from node.cli.options import answer, entity_option, json_option
from node.entity import EntityFolder
from node.errors import NodeError, RpcUnavailable
from protocol.types import Role

TIMEOUT = 15.0


class GatewayRefused(NodeError):
    """The gateway answered with a problem: its sentence."""


def gateway_option(command: Any) -> Any:
    return click.option(
        "--gateway", metavar="URL", envvar="URNA_GATEWAY", help="Where it listens; else the endpoint in entity.json."
    )(command)


def roles_option(command: Any) -> Any:
    choice = click.Choice([role.value for role in OfficerRole])
    option = click.option("--role", "roles", required=True, multiple=True, type=choice, help="Also several times.")
    return option(command)


@click.group()
def officer() -> None:
    """The people who act for the entity, in the roles that it gives them.

    \b
    editor         writes drafts of initiatives
    publisher      approves drafts, publishes, extends, voids
    moderator      accepts and rejects proposals, with reasons
    coster         says what proposals would cost
    reporter       reports on the winners' execution
    administrator  invites officers and changes their roles

    These commands ask the entity's running gateway and sign with the entity's member account, so they work on the
    machine that has the entity's folder. Everything else administrators do themselves, once they are logged in.
    """


@officer.command()
@entity_option
@gateway_option
@click.option("--name", required=True, help="How the entity calls the officer: a person's name, or a desk's.")
@roles_option
@json_option
def invite(entity_dir: Path, gateway: str | None, name: str, roles: Sequence[str]) -> None:
    """Invite an officer; the first one is an administrator.

    Prints a code that serves once, within a week. Hand it over in person: who logs in with an eID (level substantial
    at least) and enters it is the officer. No identity number has to be known or kept for it.
    """
    made = _Gateway(entity_dir, gateway).ask("POST", "/members/officers", {"name": name, "roles": list(roles)})
    until = datetime.fromtimestamp(made["expires"], UTC).strftime("%Y-%m-%d %H:%M UTC")
    answer(made, [f"officer {made['officer']} ({', '.join(roles)})", f"code {made['code']}", f"valid until {until}"])


@officer.command()
@entity_option
@gateway_option
@click.argument("id_", metavar="OFFICER")
@roles_option
@json_option
def grant(entity_dir: Path, gateway: str | None, id_: str, roles: Sequence[str]) -> None:
    """Give OFFICER further roles."""
    asked = _Gateway(entity_dir, gateway)
    known = {each["officer"]: each for each in asked.ask("GET", "/members/officers")["officers"]}
    if id_ not in known:
        raise GatewayRefused(f"There is no officer {id_}; see: urna officer list")
    _change(asked, id_, sorted({*known[id_]["roles"], *roles}))


@officer.command()
@entity_option
@gateway_option
@click.argument("id_", metavar="OFFICER")
@json_option
def revoke(entity_dir: Path, gateway: str | None, id_: str) -> None:
    """Take all roles from OFFICER, and void an invitation that was not taken. It holds at once."""
    _change(_Gateway(entity_dir, gateway), id_, [])


@officer.command("list")
@entity_option
@gateway_option
@json_option
def list_(entity_dir: Path, gateway: str | None) -> None:
    """Show the officers, and whether the record of their appointments is whole."""
    asked = _Gateway(entity_dir, gateway)
    found = asked.ask("GET", "/members/officers")["officers"]
    fault = asked.ask("GET", "/members/officers/record")["first_fault"]
    lines = [
        f"{each['officer']}  {', '.join(each['roles']) or 'no role'}  {each['name']}"
        + ("" if each["bound"] else "  (invited)")
        for each in found
    ]
    record = "the record of appointments is whole" if fault is None else f"the record is broken at appointment {fault}"
    answer({"officers": found, "first_fault": fault}, [*(lines or ["no officers yet"]), record])


def _change(asked: _Gateway, id_: str, roles: list[str]) -> None:
    changed = asked.ask("PUT", f"/members/officers/{id_}/roles", {"roles": roles})
    answer(changed, [f"{id_}  {', '.join(changed['roles']) or 'no role'}  {changed['name']}"])


class _Gateway:
    """The entity's own gateway; requests are signed with the entity's member account."""

    def __init__(self, entity_dir: Path, url: str | None) -> None:
        folder = EntityFolder(entity_dir)
        self._key = folder.key(Role.MEMBER)
        self._url = (url or folder.public.endpoint).rstrip("/")

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """The answer. Raises GatewayRefused, RpcUnavailable."""
        content = b"" if body is None else json.dumps(body).encode()
        try:
            with httpx.Client(base_url=self._url, timeout=TIMEOUT, trust_env=False) as http:
                entity = int(http.get("/health").json()["entity"])
                headers = member_auth.sign(
                    self._key, entity=entity, audience=entity, method=method, path=path, body=content
                )
                response = http.request(
                    method, path, content=content, headers={**headers, "Content-Type": "application/json"}
                )
                found = response.json()
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise RpcUnavailable(f"The gateway at {self._url} does not answer: {error}; is it running?") from error
        if not response.is_success:
            raise GatewayRefused(str(found.get("detail", f"The gateway answered {response.status_code}.")))
        return dict(found)
