# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna promise`: holds what gateways promised against the chain."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from node.cli.options import answer, deployment_option, json_option, opened, rpc_option
from node.errors import PromiseFileError
from node.promises import Given, Outcome, Verdict, check
from protocol.promise import PromiseError, SignedPromise

#: The worst of several counts.
EXITS = {Outcome.KEPT: 0, Outcome.RELEASED: 0, Outcome.NOT_DUE: 3, Outcome.BROKEN: 1, Outcome.INVALID: 2}
_WORST = (Outcome.INVALID, Outcome.BROKEN, Outcome.NOT_DUE)
MAX_FILE = 64 * 1024 * 1024


@click.group()
def promise() -> None:
    """Hold a gateway's promise against the chain.

    Whoever hands in a registration, a proposal or a ballot gets a promise signed by the entity: by which block it will
    stand on the chain. Keep it, and with a ballot's the ballot. A promise names no person, but it shows which ballot is
    yours: keep it to yourself while it is kept.
    """


@promise.command("check")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@rpc_option
@deployment_option
@json_option
def check_(file: Path, rpc: str, deployment_file: Path) -> None:
    """Judge the promise in FILE (- for standard input), or each of a list of them.

    FILE is a gateway's answer as it came, or {"promise": {…}, "entry": "0x…"}; `entry` is the ballot, which is needed
    for a ballot's promise. The chain's blocks are recomputed; the node's word is not enough for "it is not there".

    \b
    Exit code: 0 kept (or released: the initiative became void, the person was registered already)
               1 broken: the verdict, with the promise and the block it was read to, is the proof
               2 no promise of this entity, or no usable file
               3 not due yet
    """
    given = read(file)
    with opened(rpc, deployment_file) as (client, deployment):
        shown = sys.stderr.isatty() and sum(1 for _ in given) > 0
        with click.progressbar(length=1, label="reading blocks", file=sys.stderr, hidden=not shown) as bar:

            def progress(done: int, all_: int) -> None:
                bar.length = all_
                bar.update(done - bar.pos)

            verdicts = check(client, deployment, given, progress)
    answer(
        {"verdicts": [verdict.to_json() for verdict in verdicts]}, [line for one in verdicts for line in _lines(one)]
    )
    outcomes = {verdict.outcome for verdict in verdicts}
    raise click.exceptions.Exit(next((EXITS[worst] for worst in _WORST if worst in outcomes), 0))


def read(file: Path) -> list[Given]:
    """One or several promises. Raises PromiseFileError."""
    try:
        raw = sys.stdin.buffer.read(MAX_FILE + 1) if str(file) == "-" else file.read_bytes()
        if len(raw) > MAX_FILE:
            raise ValueError("it is too long")
        document = json.loads(raw)
        listed = document if isinstance(document, list) else [document]
        return [_given(one) for one in listed]
    except (OSError, ValueError, RecursionError, PromiseError) as error:
        raise PromiseFileError(f"No promise can be read from {file}: {error}.") from error


def _given(document: Any) -> Given:
    if not isinstance(document, Mapping):
        raise ValueError("it is no JSON object")
    inner = document.get("promise", document)
    entry = document.get("entry")
    if not isinstance(inner, Mapping) or not (entry is None or isinstance(entry, str)):
        raise ValueError("its `promise` is an object, its `entry` a text")
    return Given(SignedPromise.from_json(inner), None if entry is None else bytes.fromhex(entry.removeprefix("0x")))


def _lines(verdict: Verdict) -> list[str]:
    promise = verdict.promise.promise
    return [
        f"{verdict.outcome.value}: {verdict.reason}",
        f"  promised     by entity {promise.entity}: {promise.kind.label} 0x{promise.content.hex()}",
        f"               in initiative {promise.initiative}, by block {promise.latest_block}",
        f"  read to      block {verdict.evidence_block}, 0x{verdict.evidence_hash.hex()}",
    ]
