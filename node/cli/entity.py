# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna entity`: an entity's folder."""

from __future__ import annotations

from pathlib import Path

import click

from node import rotation
from node.cli.options import answer, deployment_option, entity_option, json_option, opened_member, rpc_option
from node.entity import DEFAULT_LANES, EntityFolder, PublicEntity, read_public
from node.token import TokenUri
from protocol.broker import BrokerIssuer, to_jwk
from protocol.types import Address, EntityId, Role


@click.group()
def entity() -> None:
    """An entity's folder: its keys, its accounts, its endpoint.

    All secrets of a member of the consortium lie in one folder: the keys of its accounts, the trustee's seed and
    decryption key, the peppers of initiatives. Keep a copy of it offline. `entity.json` in it is public: it is what
    the founders exchange before `urna deploy`.
    """


@entity.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="The entity's name, as everybody will see it.")
@click.option("--endpoint", required=True, help="Where its gateway answers, like https://urna.example.org.")
@click.option("--lanes", default=DEFAULT_LANES, show_default=True, help="Relay accounts of its gateway.")
@click.option(
    "--token",
    metavar="URI",
    help="Make the accounts' keys in this PKCS #11 token (RFC 7512) instead of in files. The PIN is in the file that "
    "pin-source names, or in URNA_TOKEN_PIN.",
)
@json_option
def init(folder: Path, name: str, endpoint: str, lanes: int, token: str | None) -> None:
    """Make FOLDER with fresh keys. An entity that is there already is never overwritten.

    The trustee's seed and decryption key and the registrar's decryption key are in files either way: tokens do not
    know their curves.

    \b
    Examples:
      urna entity init ./lisboa --name "Câmara Municipal de Lisboa" --endpoint https://urna.lisboa.example
      urna entity init ./lisboa … --token 'pkcs11:token=lisboa?module-path=/usr/lib/p11.so&pin-source=file:/etc/pin'
    """
    made = EntityFolder.create(folder, name, endpoint, lanes, None if token is None else TokenUri.parse(token))
    _show(made.public, [f"Made the entity {made.public.name!r} in {folder}. Keep an offline copy of the folder."])


@entity.command()
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def show(folder: Path) -> None:
    """Show what is public of the entity in FOLDER (or of an entity.json)."""
    _show(read_public(folder), [])


@entity.command()
@click.argument("role", type=click.Choice([role.label for role in Role]))
@entity_option
@rpc_option
@deployment_option
@json_option
def rotate(role: str, entity_dir: Path, rpc: str, deployment_file: Path) -> None:
    """Give ROLE a fresh account, and make the old one worthless from that block on.

    After a theft, or from time to time. Stop the process that uses the key first (the gateway for `gateway` and
    `registrar`), start it again after. It is the entity's own member account that does it; if that one was stolen, only
    a motion helps: urna motion suspend. What was broken off goes on when it is called again.
    """
    wanted = next(one for one in Role if one.label == role)
    with opened_member(rpc, deployment_file, entity_dir) as member:
        address = rotation.rotate(member, wanted)
    answer({"role": role, "account": "0x" + address.hex()}, [f"The role {role} has the account 0x{address.hex()} now."])


@entity.command("set-endpoint")
@click.argument("endpoint")
@entity_option
@rpc_option
@deployment_option
@json_option
def set_endpoint(endpoint: str, entity_dir: Path, rpc: str, deployment_file: Path) -> None:
    """Tell the consortium where the entity's gateway answers from now on."""
    with opened_member(rpc, deployment_file, entity_dir) as member:
        rotation.set_endpoint(member, endpoint)
        public = member.folder.public
    answer({"endpoint": public.endpoint}, [f"The gateway of {public.name!r} answers at {public.endpoint} now."])


@entity.command("broker-key")
@click.argument("public_key", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--remove", is_flag=True, help="There is no broker any more.")
@entity_option
@rpc_option
@deployment_option
@json_option
def broker_key(public_key: Path | None, remove: bool, entity_dir: Path, rpc: str, deployment_file: Path) -> None:
    """Register the key of the entity's broker, a PUBLIC_KEY of P-256 in a PEM file.

    A broker vouches for persons of an eID that is not OpenID Connect. Rules name it by the issuer that this command
    prints. An initiative takes the key that stood when it was created: whoever changes the key ends the broker's
    part in every initiative that is open.

    \b
    Example:
      urna entity broker-key broker.pem --entity ./lisboa
    """
    if (public_key is None) != remove:
        raise click.UsageError("Give the key's file, or --remove.")
    key = None if public_key is None else rotation.read_broker_key(public_key)
    with opened_member(rpc, deployment_file, entity_dir) as member:
        rotation.set_broker_key(member, key)
        deployment = member.deployment
        issuer = BrokerIssuer(deployment.chain_id, Address(deployment.address("Consortium")), EntityId(member.entity))
    lines = ["The entity has no broker now."] if key is None else [f"The broker {issuer} signs with this key now."]
    answer({"issuer": str(issuer), "key": None if key is None else to_jwk(key)}, lines)


def _show(public: PublicEntity, first: list[str]) -> None:
    lines = [*first, f"name      {public.name}", f"endpoint  {public.endpoint}"]
    lines += [f"{role.label:<9} 0x{public.accounts[role].hex()}" for role in Role]
    lines += [f"lanes     {len(public.lanes)}"]
    answer(public.to_json(), lines)
