# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna status`: the chain, the consortium, the initiatives."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from node.cli.options import answer, deployment_option, json_option, opened, rpc_option
from node.overview import entities, initiative_view


@click.command()
@rpc_option
@deployment_option
@json_option
def status(rpc: str, deployment_file: Path) -> None:
    """Show the chain, the consortium and the initiatives, as the contracts say.

    This asks one node and believes it; to believe nobody, use urna observe.
    """
    with opened(rpc, deployment_file) as (client, deployment):
        head, version = client.block(), client.client_version()
        members = entities(client, deployment)
        count = deployment.contract("Initiatives").read(client, "count")
        views = [initiative_view(client, deployment, number) for number in range(1, count + 1)]
    at = datetime.fromtimestamp(head.timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    lines = [f"Chain {deployment.chain_id} ({version}), block {head.number} of {at}", "", "Entities"]
    for one in members:
        state = "active" if one.active else "suspended"
        key = "with trustee key" if one.has_trustee_key else "without trustee key"
        lines.append(f"  {one.entity:>3}  {one.name}, {state}, {key}, {one.endpoint}")
    for view in views:
        lines += ["", *view.lines()]
    data = {
        "chainId": deployment.chain_id,
        "client": version,
        "block": head.number,
        "timestamp": head.timestamp,
        "entities": [asdict(one) for one in members],
        "initiatives": [view.to_json() for view in views],
    }
    answer(data, lines)
