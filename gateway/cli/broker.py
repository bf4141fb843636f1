# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna broker …`: an entity's broker for an eID that is not OpenID Connect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.options import answer, deployment_option, entity_option, json_option, opened, rpc_option
from node.entity import EntityFolder
from node.errors import EntityError, KeystoreError
from node.member import Member
from protocol.types import Role

if TYPE_CHECKING:
    from protocol.types import P256Point


@click.group()
def broker() -> None:
    """Vouch for persons of an eID that is not OpenID Connect, like Portugal's autenticação.gov.

    \b
    Once:        urna broker key --entity DIR
                 urna broker register --entity DIR --rpc URL --deployment FILE
    Then:        urna broker serve --entity DIR --rpc URL --deployment FILE --settings FILE

    Initiatives that are created afterwards may name the broker among their eID issuers. Whoever holds its key can
    register persons of its invention there: docs/threat-model.md says what limits that.
    """


@broker.command()
@entity_option
@click.option("--replace", is_flag=True, help="Make a new one; the old key stays in the folder, as retired.")
@json_option
def key(entity_dir: Path, replace: bool) -> None:
    """Make the broker's key in the entity's folder, or show the one there.

    Replace it between initiatives only: those that are open take the key that stood when they were created.
    """
    from gateway.broker.signing import new_secret, public_point  # the web stack, for these commands only

    folder = EntityFolder(entity_dir)
    if replace:
        folder.retire_broker_key()
    if not folder.has_broker_key():
        folder.keep_broker_key(new_secret())
    point = public_point(folder.broker_key())
    answer(_shown(point), [f"x = {point.x:#066x}", f"y = {point.y:#066x}", "Next: urna broker register"])


@broker.command()
@entity_option
@rpc_option
@deployment_option
@click.option("--remove", is_flag=True, help="Take the entity's key off the chain: it has no broker then.")
@json_option
def register(entity_dir: Path, rpc: str, deployment_file: Path, remove: bool) -> None:
    """Put the broker's key on the chain, by the entity's member account. It counts for initiatives created later."""
    from gateway.broker.signing import public_point
    from protocol.types import P256Point

    with opened(rpc, deployment_file) as (client, deployment):
        member = Member.open(entity_dir, client, deployment)
        none = P256Point(0, 0)
        point = none if remove else public_point(member.folder.broker_key())
        consortium = deployment.contract("Consortium")
        if _registered(member) != (point.x, point.y):
            with member.sender(Role.MEMBER) as sender:
                sender.call(consortium.call("registerBrokerKey", (point.x, point.y), what="the broker's key"))
                sender.await_final()
        name = _issuer(member)
    answer(
        {"issuer": name, **_shown(point)},
        [f"{name} has no key now." if remove else f"The key of {name} is on the chain."],
    )


@broker.command()
@entity_option
@rpc_option
@deployment_option
@click.option(
    "--settings",
    "settings_file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="JSON: url, upstream, client_id, redirect_uris, level, … (docs/operations.md).",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address it listens on.")
@click.option("--port", default=8710, show_default=True, type=click.IntRange(0, 65535), help="Its port.")
def serve(entity_dir: Path, rpc: str, deployment_file: Path, settings_file: Path, host: str, port: int) -> None:
    """Serve log-ins until told to stop. Its log names no person."""
    import time

    import uvicorn

    from gateway import logs, server
    from gateway.broker.app import create_app
    from gateway.broker.service import Broker
    from gateway.broker.settings import load
    from gateway.broker.signing import BrokerSigner, public_point
    from gateway.broker.upstream import Upstream
    from protocol.broker import parse_issuer

    try:
        settings = load(settings_file)
    except ValueError as error:
        raise EntityError(str(error)) from error
    with opened(rpc, deployment_file) as (client, deployment):
        member = Member.open(entity_dir, client, deployment)
        secret, issuer = member.folder.broker_key(), parse_issuer(_issuer(member))
        point = public_point(secret)
        if _registered(member) != (point.x, point.y):
            raise KeystoreError("The chain has another key of this entity's broker, or none: urna broker register")
    assert issuer is not None
    logs.configure("text", "INFO")
    app = create_app(Broker(settings, BrokerSigner(secret, issuer, time.time), Upstream(settings)))
    click.echo(f"broker {issuer} at {settings.base}")
    uvicorn.Server(server.config(app, host, port)).run()


def _registered(member: Member) -> tuple[int, int]:
    held = member.deployment.contract("Consortium").read(member.rpc, "brokerKeyOf", member.entity)
    return held.x, held.y


def _issuer(member: Member) -> str:
    from protocol.broker import BrokerIssuer
    from protocol.types import Address, EntityId

    deployment = member.deployment
    return str(BrokerIssuer(deployment.chain_id, Address(deployment.address("Consortium")), EntityId(member.entity)))


def _shown(point: P256Point) -> dict[str, str]:
    return {"x": f"{point.x:#066x}", "y": f"{point.y:#066x}"}
