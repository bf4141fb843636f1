# SPDX-License-Identifier: AGPL-3.0-or-later
"""Options that several commands share, and how they answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from node.cli import Session
from node.deployment import Deployment, require_pinned_key
from node.member import Member
from node.rpc import RpcClient

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """`--json`: one JSON object instead of text. Not passed on to the command; `answer` knows."""

    def note(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
        if value:
            ctx.ensure_object(Session).as_json = True

    return click.option(
        "--json", is_flag=True, expose_value=False, is_eager=True, callback=note, help="Answer with one JSON object."
    )(command)


def rpc_option(command: F) -> F:
    """`--rpc URL`, also from URNA_RPC."""
    return click.option(
        "--rpc",
        metavar="URL",
        envvar="URNA_RPC",
        required=True,
        help="The node's JSON-RPC, like http://127.0.0.1:8545. Also from URNA_RPC.",
    )(command)


def deployment_option(command: F) -> F:
    """`--deployment FILE`, also from URNA_DEPLOYMENT."""
    return click.option(
        "--deployment",
        "deployment_file",
        metavar="FILE",
        envvar="URNA_DEPLOYMENT",
        required=True,
        type=click.Path(path_type=Path, dir_okay=False),
        help="What `urna deploy` wrote: deployments/NETWORK.json. Also from URNA_DEPLOYMENT.",
    )(command)


def entity_option(command: F) -> F:
    """`--entity DIR`: the folder that holds the keys, also from URNA_ENTITY."""
    return click.option(
        "--entity",
        "entity_dir",
        metavar="DIR",
        envvar="URNA_ENTITY",
        required=True,
        type=click.Path(path_type=Path),
        help="The entity's folder, with its keys. Also from URNA_ENTITY.",
    )(command)


@contextmanager
def opened(rpc: str, deployment_file: Path) -> Iterator[tuple[RpcClient, Deployment]]:
    """A node and a deployment that belong together, with the ceremony's verifying key."""
    deployment = Deployment.load(deployment_file)
    with RpcClient.connect(rpc) as client:
        deployment.check(client)
        require_pinned_key(client, deployment)
        yield client, deployment


@contextmanager
def opened_member(rpc: str, deployment_file: Path, entity_dir: Path) -> Iterator[Member]:
    """The same, and the entity whose folder it is."""
    deployment = Deployment.load(deployment_file)
    with RpcClient.connect(rpc) as client:
        yield Member.open(entity_dir, client, deployment)


def answer(data: Mapping[str, object], lines: Sequence[str]) -> None:
    """Prints the command's result: `data` as one JSON object with --json, else `lines`."""
    if click.get_current_context().ensure_object(Session).as_json:
        click.echo(json.dumps(data, ensure_ascii=False))
    else:
        for line in lines:
            click.echo(line)
