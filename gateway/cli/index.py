# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna index …`: what the index holds, the same text on every database, and the index made anew."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from node.cli.options import answer, deployment_option, entity_option, json_option
from node.errors import EntityError, NodeError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from gateway.database import Database

F = TypeVar("F", bound=Callable[..., Any])


def database_option(command: F) -> F:
    """`--database URL`, also from URNA_GATEWAY_DATABASE."""
    return click.option(
        "--database",
        metavar="URL",
        envvar="URNA_GATEWAY_DATABASE",
        help="postgresql://…, as the gateway's setting; by default the file in the entity's folder.",
    )(command)


@click.group()
def index() -> None:
    """The index of a gateway: a cache of the chain that may be deleted at any time."""


@index.command()
@entity_option
@database_option
@json_option
def status(entity_dir: Path, database: str | None) -> None:
    """Show up to which block the index was read and folded, and how much is in it. The gateway may be running."""
    import sqlalchemy as sa

    from gateway.index.tables import block, event, folded

    with _opened(entity_dir, database) as db, db.read() as now:
        head = now.execute(sa.select(block.c.number, block.c.hash).order_by(block.c.number.desc()).limit(1)).first()
        upto = now.execute(sa.select(folded.c.number)).scalar()
        events = now.execute(sa.select(sa.func.count()).select_from(event)).scalar_one()
    number, hash_ = (None, None) if head is None else (int(head[0]), "0x" + bytes(head[1]).hex())
    answer(
        {"block": number, "hash": hash_, "folded": upto, "events": events},
        [
            "nothing was read yet" if number is None else f"read: block {number} {hash_}",
            "nothing is folded yet" if upto is None else f"folded: block {upto}",
            f"{events} events",
        ],
    )


@index.command()
@entity_option
@database_option
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write the text itself.")
@json_option
def export(entity_dir: Path, database: str | None, out: Path | None) -> None:
    """Print the SHA-256 of the index's canonical text: equal wherever the same blocks were read, on SQLite and
    PostgreSQL. The gateway may be running; what is exported is as of one block."""
    from gateway.index.export import lines

    found, count = hashlib.sha256(), 0
    with _opened(entity_dir, database) as db:
        file = None if out is None else out.open("wb")
        try:
            for line in lines(db):
                raw = line.encode() + b"\n"
                found.update(raw)
                count += 1
                if file is not None:
                    file.write(raw)
        finally:
            if file is not None:
                file.close()
    answer({"sha256": found.hexdigest(), "lines": count}, [found.hexdigest()])


@index.command()
@entity_option
@deployment_option
@database_option
@click.option("--from-chain", is_flag=True, help="Read everything anew, instead of folding what was read.")
@click.option("--rpc", "rpcs", metavar="URL", envvar="URNA_RPC", multiple=True, help="With --from-chain; several may.")
@json_option
def rebuild(
    entity_dir: Path, deployment_file: Path, database: str | None, from_chain: bool, rpcs: tuple[str, ...]
) -> None:
    """Make the index anew while the gateway is stopped.

    By default its tables are folded again from the verified events that it keeps. Interrupted, it goes on where it was:
    say the same again, or start the gateway.
    """
    from gateway.index.rebuild import rebuild_from_chain, rebuild_projections
    from node.cli.observing import progress
    from node.deployment import Deployment

    if from_chain and not rpcs:
        raise click.UsageError("--from-chain needs --rpc URL.")
    deployment, url, begun = Deployment.load(deployment_file), _url(entity_dir, database), time.monotonic()
    with _spoken(), progress() as bar:
        done = 0

        def tell(number: int, last: int) -> None:
            nonlocal done
            if not done:
                bar.begin("blocks", last)
            bar.advance(number - done)
            done = number

        if from_chain:
            events = rebuild_from_chain(url, deployment, rpcs, entity_dir, tell)
        else:
            events = rebuild_projections(url, deployment, tell)
    seconds = time.monotonic() - begun
    answer(
        {"events": events, "seconds": round(seconds, 3)},
        [f"{events} events in {seconds:.1f} s ({events / max(seconds, 0.001):,.0f}/s)"],
    )


def _url(entity_dir: Path, database: str | None) -> URL:
    from gateway.database import INDEX, locate, parse_url

    if not entity_dir.is_dir():
        raise EntityError(f"{entity_dir}: there is no such entity's folder")
    try:
        return locate(entity_dir, None if database is None else parse_url(database), INDEX)
    except ValueError as error:
        raise click.UsageError(f"--database: {error}") from None


@contextmanager
def _opened(entity_dir: Path, database: str | None) -> Iterator[Database]:
    """For reading, beside a gateway that runs."""
    import sqlalchemy as sa

    from gateway.database import INDEX, Database

    url = _url(entity_dir, database)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).is_file():
        raise EntityError(f"{url.database}: there is no index; the gateway makes it when it starts")
    with _spoken():
        db = Database(url, INDEX)
        try:
            if not sa.inspect(db.engine).has_table("folded", schema=None if db.is_sqlite else INDEX.schema):
                raise EntityError(f"{db.place}: there is no index yet, or of an older version; start the gateway")
            yield db
        finally:
            db.close()


@contextmanager
def _spoken() -> Iterator[None]:
    """A database's trouble is one sentence, as the chain's is."""
    from gateway.database import DatabaseError

    try:
        yield
    except DatabaseError as error:
        raise NodeError(str(error)) from error
