# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna initiative costs`: what an initiative took, from the chain."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from node.cli import Session
from node.cli.options import answer, deployment_option, json_option, opened, rpc_option
from node.costs import costs
from node.entity import read_public
from node.run.progress import Reporter


@click.command("costs")
@click.argument("number", type=click.IntRange(1))
@rpc_option
@deployment_option
@click.option(
    "--own",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="An entity's folder or entity.json: its relay lanes, which the chain does not know, count as its own.",
)
@json_option
def costs_command(number: int, rpc: str, deployment_file: Path, own: Path | None) -> None:
    """What initiative NUMBER took: transactions, gas, bytes, batches, acts, signatures, hours.

    Everything is read from the chain. Gas has no price on a consortium's chain: it is effort, not money.
    """
    quiet = click.get_current_context().ensure_object(Session).as_json
    with opened(rpc, deployment_file) as (client, deployment):
        entity, lanes = None, {}
        if own is not None:
            public = read_public(own)
            consortium = deployment.contract("Consortium")
            for role, account in public.accounts.items():
                entity = entity or consortium.read(client, "entityOf", account, role) or None
            lanes = {lane: entity for lane in public.lanes if entity is not None}
        with Reporter(Console(stderr=True, quiet=quiet)).part("read the blocks, in %", 100) as step:
            found = costs(client, deployment, number, own=lanes, progress=step.reach)
    answer(found.to_json(entity), found.lines(entity))
