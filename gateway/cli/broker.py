# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna broker …`: an entity's broker for an eID that is not OpenID Connect."""

from __future__ import annotations

from pathlib import Path

import click

from node.cli.options import answer, deployment_option, entity_option, json_option, opened_member, rpc_option
from node.entity import EntityFolder
from node.errors import EntityError, KeystoreError
from node.member import Member
from protocol.broker import BrokerIssuer
from protocol.types import Address, EntityId


@click.group()
def broker() -> None:
    """Vouch for persons of an eID that is not OpenID Connect, like Portugal's autenticação.gov.

    \b
    Once:        urna broker key --entity DIR
                 urna entity broker-key DIR/broker.pem --entity DIR --rpc URL --deployment FILE
    Then:        urna broker serve --entity DIR --rpc URL --deployment FILE --settings FILE

    Initiatives that are created afterwards may name the broker among their eID issuers. Whoever holds its key can
    register persons of its invention there: docs/threat-model.md says what limits that.
    """


@broker.command()
@entity_option
@click.option("--replace", is_flag=True, help="Make a new one; the old key stays in the folder, as retired.")
@json_option
def key(entity_dir: Path, replace: bool) -> None:
    """Make the broker's key in the entity's folder, or show the one there; DIR/broker.pem is its public half.

    Replace it between initiatives only: those that are open take the key that stood when they were created.
    """
    from gateway.broker.signing import new_secret, public_pem, public_point  # the web stack, for these commands only

    folder = EntityFolder(entity_dir)
    if replace:
        folder.retire_broker_key()
    if not folder.has_broker_key():
        folder.keep_broker_key(new_secret())
    secret, public = folder.broker_key(), entity_dir / "broker.pem"
    public.write_bytes(public_pem(secret))
    point = public_point(secret)
    answer(
        {"x": f"{point.x:#066x}", "y": f"{point.y:#066x}", "public_key": str(public)},
        [f"The public key is in {public}. Next: urna entity broker-key {public}"],
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

    try:
        settings = load(settings_file)
    except ValueError as error:
        raise EntityError(str(error)) from error
    with opened_member(rpc, deployment_file, entity_dir) as member:
        secret, issuer = member.folder.broker_key(), _issuer(member)
        point = public_point(secret)
        held = member.deployment.contract("Consortium").read(member.rpc, "brokerKeyOf", member.entity)
        if (held.x, held.y) != (point.x, point.y):
            raise KeystoreError("The chain has another key of this entity's broker, or none: urna entity broker-key")
    logs.configure("text", "INFO")
    app = create_app(Broker(settings, BrokerSigner(secret, issuer, time.time), Upstream(settings)))
    click.echo(f"broker {issuer} at {settings.base}")
    uvicorn.Server(server.config(app, host, port)).run()


def _issuer(member: Member) -> BrokerIssuer:
    deployment = member.deployment
    return BrokerIssuer(deployment.chain_id, Address(deployment.address("Consortium")), EntityId(member.entity))
