# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna journal …`: migrate, copy, restore and look at a gateway's durable store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
import sqlalchemy as sa
from sqlalchemy.engine import URL

from gateway.database import JOURNAL, Database, DatabaseError, locate, parse_url
from gateway.journal import backup as backups
from gateway.journal import migrate as migrate_
from gateway.journal.migrate import newest, revision
from gateway.journal.tables import BALLOT, ORIGIN, SUBMISSION, TX
from node.cli.options import answer, deployment_option, entity_option, json_option
from node.deployment import Deployment


class Failed(click.ClickException):
    """It was refused; one sentence says what to do."""

    exit_code = 1


def _parsed(_: click.Context, __: click.Parameter, value: str | None) -> URL | None:
    try:
        return None if value is None else parse_url(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


database_option = click.option(
    "--database",
    envvar="URNA_GATEWAY_DATABASE",
    callback=_parsed,
    metavar="URL",
    help="Where the gateway has its stores, if not in the entity's folder; also from URNA_GATEWAY_DATABASE.",
)


@contextmanager
def _opened(entity: Path, url: URL | None) -> Iterator[Database]:
    try:
        with closing(Database(locate(entity, url, JOURNAL), JOURNAL)) as database:
            yield database
    except (DatabaseError, OSError) as error:
        raise Failed(str(error)) from error


def _existing(entity: Path, url: URL | None) -> None:
    if url is None and not (entity / "journal.sqlite").is_file():
        raise Failed(f"{entity}: there is no journal in this folder; the gateway makes it when it starts")


@click.group()
def journal() -> None:
    """The journal of a gateway: what it accepted, signed and promised. Losing it breaks promises: back it up.

    \b
      urna journal backup journal.gz --entity A      while the gateway runs, from time to time
      urna journal restore journal.gz --entity A …   into an empty place, with the gateway stopped
    """


@journal.command()
@entity_option
@database_option
@json_option
def migrate(entity_dir: Path, database: URL | None) -> None:
    """Bring the tables to this program's version. The gateway does so itself when it starts; it must not be running."""
    _existing(entity_dir, database)
    with _opened(entity_dir, database) as opened:
        opened.exclude_others()
        before, after = migrate_(opened)
    answer({"from": before, "to": after}, [f"was at revision {before}, is at {after}"])


@journal.command()
@entity_option
@database_option
@json_option
def status(entity_dir: Path, database: URL | None) -> None:
    """Show what is in it, by state. The gateway may be running."""
    _existing(entity_dir, database)
    with _opened(entity_dir, database) as opened, opened.read() as db:
        at = revision(db)
        if at != newest():
            raise Failed(f"{opened.place}: it is at revision {at}, and this program at {newest()}: migrate it first")
        owner = db.execute(sa.select(ORIGIN.c.chain)).scalar_one_or_none()
        counts = {
            table.name: {
                str(state): int(many)
                for state, many in db.execute(sa.select(table.c.status, sa.func.count()).group_by(table.c.status))
            }
            for table in (SUBMISSION, BALLOT, TX)
        }
    lines = [f"revision {at}"]
    lines += [
        f"{name}: " + (", ".join(f"{many} {state}" for state, many in sorted(states.items())) or "none")
        for name, states in counts.items()
    ]
    answer({"revision": at, "origin": None if owner is None else "0x" + owner.hex(), **counts}, lines)


@journal.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@entity_option
@database_option
@json_option
def backup(file: Path, entity_dir: Path, database: URL | None) -> None:
    """Copy the journal into FILE, as of one moment; the gateway may be running. Keep it as safe as the journal: it
    holds the tokens of registrations that wait."""
    _existing(entity_dir, database)
    with _opened(entity_dir, database) as opened:
        summary = backups.write(opened, file)
    _tell(summary, f"{file} has a copy of {entity_dir}'s journal")


@journal.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@entity_option
@deployment_option
@database_option
@json_option
def restore(file: Path, entity_dir: Path, deployment_file: Path, database: URL | None) -> None:
    """Fill an empty journal from FILE: the gateway is stopped, and the old journal moved away.

    The backup must belong to the chain and contracts of the deployment. What the gateway accepted after it was made is
    lost; what it sent meanwhile stands on the chain and is recognised there.
    """
    deployment = Deployment.load(deployment_file)
    with _opened(entity_dir, database) as opened:
        summary = backups.restore(opened, file, deployment.genesis_hash + b"".join(deployment.addresses))
    _tell(summary, f"{entity_dir}'s journal is restored from {file}")


def _tell(summary: backups.Summary, sentence: str) -> None:
    rows = ", ".join(f"{many} {name}" for name, many in summary.rows.items() if many)
    value = {"revision": summary.revision, "origin": "0x" + summary.origin.hex(), "rows": summary.rows}
    answer(value, [f"{sentence}: revision {summary.revision}, {rows}"])
