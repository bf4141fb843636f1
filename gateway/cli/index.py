# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna index …`: what the index holds."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import click

from node.cli.options import answer, entity_option, json_option
from node.errors import EntityError


@click.group()
def index() -> None:
    """The index of a gateway: a cache of the chain that may be deleted at any time."""


@index.command()
@entity_option
@json_option
def status(entity_dir: Path) -> None:
    """Show up to which block the index was read, and how much is in it. The gateway may be running."""
    path = entity_dir / "index.sqlite"
    if not path.is_file():
        raise EntityError(f"{path}: there is no index; the gateway makes it when it starts")
    try:
        with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) as db:
            head = db.execute("SELECT number, hash FROM block ORDER BY number DESC LIMIT 1").fetchone()
            events = int(db.execute("SELECT count(*) FROM event").fetchone()[0])
        db.close()
    except sqlite3.DatabaseError as error:
        raise EntityError(f"{path}: cannot be read ({error}); the gateway makes it anew when it starts") from error
    number, hash_ = (None, None) if head is None else (int(head[0]), "0x" + bytes(head[1]).hex())
    answer(
        {"block": number, "hash": hash_, "events": events},
        ["nothing was read yet" if number is None else f"block {number} {hash_}", f"{events} events"],
    )
