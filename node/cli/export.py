# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna export`: write the bundle of a live node."""

from __future__ import annotations

from pathlib import Path

import click

from node.cli.observing import deployment_json, progress
from node.cli.options import answer, deployment_option, json_option, rpc_option
from node.observer import LiveSource
from node.observer import export as write_bundle
from node.rpc import RpcClient


@click.command()
@rpc_option
@deployment_option
@click.option(
    "--out",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The bundle: FILE.json, or FILE.json.gz to have it packed.",
)
@json_option
def export(rpc: str, deployment_file: Path, out: Path) -> None:
    """Write the bundle from which an observer works offline: every block, and what the contracts answer."""
    if not out.name.endswith((".json", ".json.gz")):
        raise click.UsageError("A bundle's name ends with .json or .json.gz.")
    deployment = deployment_json(deployment_file)
    with RpcClient.connect(rpc) as client, progress() as shown:
        done = write_bundle(LiveSource(client, deployment), out, shown)
    size = out.stat().st_size
    data = {"file": str(out), "blocks": done.blocks, "transactions": done.transactions, "bytes": size}
    answer(data, [f"{out}: {done.blocks} blocks, {done.transactions} transactions, {size:,} bytes"])
