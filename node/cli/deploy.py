# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna deploy`: the contracts, with the founding entities."""

from __future__ import annotations

from pathlib import Path

import click

from node.cli.options import answer, json_option, rpc_option
from node.deploy import Plan, require_pinned_key
from node.deploy import deploy as deploy_contracts
from node.entity import read_public
from node.rpc import RpcClient
from node.sender import EMBEDDED_FINALITY


@click.command()
@rpc_option
@click.option(
    "--entity",
    "entities",
    metavar="FILE",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="A founder's entity.json (public); once for each. Their order gives them their numbers, from 1.",
)
@click.option(
    "--minimum-anonymity",
    required=True,
    type=click.IntRange(2, 2**32 - 1),
    help="The least number of voters that any initiative may set as its minimum.",
)
@click.option(
    "--network", default=None, help="The network's name in the file. Default: the file's own name without .json."
)
@click.option(
    "--out",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the deployment, like deployments/NETWORK.json.",
)
@click.option(
    "--finality",
    default=EMBEDDED_FINALITY,
    show_default=True,
    type=click.FloatRange(0, 3600),
    help="Seconds after which a block is final: the embedded engine may lose its latest; 0 on a BFT chain.",
)
@json_option
def deploy(
    rpc: str, entities: tuple[Path, ...], minimum_anonymity: int, network: str | None, out: Path, finality: float
) -> None:
    """Deploy the consortium and its contracts, and write down where they are.

    Nobody owns the contracts afterwards; the deploying account is made for this and thrown away. The code on the chain
    is read back and compared with the compiled sources, and the verifying key with the pinned one.

    \b
    Example:
      urna deploy --rpc http://127.0.0.1:8545 --entity A/entity.json --entity B/entity.json \\
        --entity C/entity.json --minimum-anonymity 20 --out deployments/ours.json
    """
    plan = Plan([read_public(path) for path in entities], minimum_anonymity, network or out.stem, finality)
    with RpcClient.connect(rpc) as client:
        done = deploy_contracts(client, plan)
        require_pinned_key(client, done)
    done.save(out)
    lines = [f"Deployed on chain {done.chain_id} with {len(entities)} founders; written to {out}."]
    answer(done.to_json(), lines + [f"{name:<16} 0x{one.address.hex()}" for name, one in done.contracts.items()])
