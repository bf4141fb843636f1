# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna motion`: what only a majority of the consortium's members may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from node import motions
from node.cli.options import answer, deployment_option, entity_option, json_option, opened, opened_member, rpc_option
from node.entity import read_public
from node.member import Member
from node.motions import MotionView, Step

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def motion() -> None:
    """Act as one of the consortium's members.

    A motion passes when more than half of the active entities approve it; proposing one approves it, too. It is then
    carried out at once, by the contract.

    \b
    Everybody says what they want, with the same command: the first member proposes it, the others approve the open
    motion that says exactly the same.
      urna motion admit porto/entity.json --entity lisboa …     (in Lisboa: proposes)
      urna motion list …                                        (anywhere: shows what it would do)
      urna motion admit porto/entity.json --entity braga …      (in Braga: approves)
    """


def _acting(command: F) -> F:
    """The options of a command that acts as a member."""
    for option in (json_option, deployment_option, rpc_option, entity_option):
        command = option(command)
    return command


def _carry(rpc: str, deployment_file: Path, entity_dir: Path, act: Callable[[Member], Step]) -> None:
    with opened_member(rpc, deployment_file, entity_dir) as member:
        step = act(member)
    answer(
        {"motion": step.motion or None, "did": step.done, "passed": step.passed},
        [step.done, "It has passed." if step.passed else "More approvals are needed."],
    )


@motion.command("admit")
@click.argument("public", metavar="ENTITY.JSON", type=click.Path(path_type=Path))
@_acting
def admit_command(public: Path, entity_dir: Path, rpc: str, deployment_file: Path) -> None:
    """Admit the entity that ENTITY.JSON describes (what `urna entity init` made, received from the entity itself).

    Compare the accounts with what the entity tells by another way: whose accounts are admitted, acts in its name.
    """
    newcomer = read_public(public)
    _carry(rpc, deployment_file, entity_dir, lambda member: motions.admit(member, newcomer))


@motion.command("suspend")
@click.argument("number", type=click.IntRange(1))
@_acting
def suspend_command(number: int, entity_dir: Path, rpc: str, deployment_file: Path) -> None:
    """Suspend entity NUMBER, for ever and in every role at once.

    Initiatives that run keep their sets and thresholds: below k registrars nobody registers, below t trustees nothing
    opens. A key that was stolen and can be replaced by its entity needs no motion: urna entity rotate.
    """
    _carry(rpc, deployment_file, entity_dir, lambda member: motions.suspend(member, number))


@motion.command("minimum-anonymity")
@click.argument("minimum", type=click.IntRange(2, 1 << 20))
@_acting
def minimum_command(minimum: int, entity_dir: Path, rpc: str, deployment_file: Path) -> None:
    """Set the least number of registered persons that an initiative may ask for. Running ones keep theirs."""
    _carry(rpc, deployment_file, entity_dir, lambda member: motions.set_minimum_anonymity(member, minimum))


@motion.command("void")
@click.argument("initiative", type=click.IntRange(1))
@click.option("--explanation", required=True, help="Why, for everybody to read. Members must give the same words.")
@_acting
def void_command(initiative: int, explanation: str, entity_dir: Path, rpc: str, deployment_file: Path) -> None:
    """Make INITIATIVE void. Its ballots are then never opened."""
    _carry(rpc, deployment_file, entity_dir, lambda member: motions.void(member, initiative, explanation))


@motion.command("reopen")
@click.argument("initiative", type=click.IntRange(1))
@click.option("--until", required=True, type=click.IntRange(1), help="The new close, in seconds since the epoch.")
@_acting
def reopen_command(initiative: int, until: int, entity_dir: Path, rpc: str, deployment_file: Path) -> None:
    """Reopen the vote of INITIATIVE, once, within the challenge period: for a chain that stood still at the close."""
    _carry(rpc, deployment_file, entity_dir, lambda member: motions.reopen(member, initiative, until))


@motion.command("add-suite")
@_acting
def add_suite_command(entity_dir: Path, rpc: str, deployment_file: Path) -> None:
    """Put the deployed contracts on the consortium's list. Motions about initiatives need a listed suite."""
    _carry(rpc, deployment_file, entity_dir, motions.add_suite)


@motion.command("approve")
@click.argument("number", type=click.IntRange(1))
@_acting
def approve_command(number: int, entity_dir: Path, rpc: str, deployment_file: Path) -> None:
    """Approve motion NUMBER in the entity's name. See first with `urna motion list` what it does."""
    with opened_member(rpc, deployment_file, entity_dir) as member:
        passed = motions.approve(member, number)
    answer(
        {"motion": number, "passed": passed},
        [f"Approved motion {number}; " + ("it has passed." if passed else "more approvals are needed.")],
    )


@motion.command("list")
@rpc_option
@deployment_option
@json_option
def list_command(rpc: str, deployment_file: Path) -> None:
    """List all motions with what they would do, the latest last."""
    with opened(rpc, deployment_file) as (client, deployment):
        found = motions.motions(client, deployment)
    answer({"motions": [_row(one) for one in found]}, [_line(one) for one in found] or ["There are no motions."])


def _row(one: MotionView) -> dict[str, object]:
    return {
        "motion": one.number,
        "proposer": one.proposer,
        "target": "0x" + one.target.hex(),
        "call": one.call,
        "arguments": None if one.arguments is None else _plain(one.arguments),
        "expires": one.expires,
        "approvals": one.approvals,
        "executed": one.executed,
    }


def _line(one: MotionView) -> str:
    state = "passed" if one.executed else f"{one.approvals} approvals so far"
    said = "" if one.arguments is None else ", ".join(f"{name} {_text(value)}" for name, value in one.arguments.items())
    return f"{one.number:>4}  {one.call}({said}), proposed by entity {one.proposer}: {state}"


def _plain(value: Any) -> Any:
    """As JSON has it: bytes as hex."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return "0x" + value.hex() if isinstance(value, bytes) else value


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_text(one)}" for name, one in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_text(one) for one in value) + "]"
    return repr(value) if isinstance(value, str) else str(_plain(value))
