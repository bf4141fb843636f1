# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna entity`: an entity's folder."""

from __future__ import annotations

from pathlib import Path

import click

from node.cli.options import answer, json_option
from node.entity import DEFAULT_LANES, EntityFolder, PublicEntity, read_public
from protocol.types import Role


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
@json_option
def init(folder: Path, name: str, endpoint: str, lanes: int) -> None:
    """Make FOLDER with fresh keys. An entity that is there already is never overwritten.

    \b
    Example:
      urna entity init ./lisboa --name "Câmara Municipal de Lisboa" --endpoint https://urna.lisboa.example
    """
    made = EntityFolder.create(folder, name, endpoint, lanes)
    _show(made.public, [f"Made the entity {made.public.name!r} in {folder}. Keep an offline copy of the folder."])


@entity.command()
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def show(folder: Path) -> None:
    """Show what is public of the entity in FOLDER (or of an entity.json)."""
    _show(read_public(folder), [])


def _show(public: PublicEntity, first: list[str]) -> None:
    lines = [*first, f"name      {public.name}", f"endpoint  {public.endpoint}"]
    lines += [f"{role.label:<9} 0x{public.accounts[role].hex()}" for role in Role]
    lines += [f"lanes     {len(public.lanes)}"]
    answer(public.to_json(), lines)
