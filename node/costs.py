# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an initiative has cost: every transaction that belongs to it, read from the chain, for an entity's own accounts.

A transaction belongs to an initiative when it emitted an event of it. A batch is of one initiative alone, so nothing is
shared out. Reverted transactions emit nothing and are not in here; the relay simulates before it sends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from typing import Any

from node import events
from node.contracts import Record
from node.deployment import Deployment
from node.errors import NodeError
from node.events import Located
from node.rpc import Receipt, RpcClient, Transaction
from protocol.events import (
    TOPICS,
    BallotCast,
    BallotCounted,
    Event,
    InitiativeCreated,
    ProposalSubmitted,
    Registered,
    ReplacementQueued,
)
from protocol.types import Role

KINDS: tuple[type[Event], ...] = tuple(
    kind
    for contract in TOPICS.values()
    for kind in contract.values()
    if kind.INDEXED and fields(kind)[0].name == "initiative"  # type: ignore[arg-type]  # every event is a dataclass
)
"""Every event that is indexed by an initiative."""
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Item:
    """Transactions whose first event is of one kind, by one sender. `calldata` and `logs` are bytes."""

    kind: str
    account: str
    entity: int | None
    transactions: int
    gas: int
    calldata: int
    logs: int


@dataclass(frozen=True, slots=True)
class Costs:
    """All of an initiative. `acts` are the publisher's transactions; `signatures` those of registrars, by entity.

    `hours`: opening of registration to the first second of opening, by the windows in force.
    """

    initiative: int
    items: tuple[Item, ...]
    registered: int
    proposals: int
    ballots: int
    counted: int
    batches: int
    acts: int
    signatures: Mapping[int, int]
    hours: float

    def of(self, entity: int) -> tuple[Item, ...]:
        """What the accounts of one entity sent."""
        return tuple(item for item in self.items if item.entity == entity)

    def to_json(self, entity: int | None = None) -> dict[str, Any]:
        own = [] if entity is None else self.of(entity)
        return {
            "initiative": self.initiative,
            "total": _sums(self.items),
            "entity": entity,
            "own": _sums(own) if entity is not None else None,
            "items": [asdict(item) for item in self.items],
            "registered": self.registered,
            "proposals": self.proposals,
            "ballots": self.ballots,
            "counted": self.counted,
            "batches": self.batches,
            "officersActs": self.acts,
            "signatures": {str(one): count for one, count in sorted(self.signatures.items())},
            "processHours": self.hours,
        }

    def lines(self, entity: int | None = None) -> list[str]:
        """The same for people."""
        total = _sums(self.items)
        lines = [
            f"Initiative {self.initiative}: {total['transactions']:,} transactions, {total['gas']:,} gas, "
            f"{total['calldata']:,} bytes of calldata, {total['logs']:,} bytes of events.",
            f"  {self.registered:,} registered, {self.proposals:,} proposals, {self.ballots:,} ballots cast, "
            f"{self.counted:,} counted, in {self.batches:,} batches.",
            f"  {self.acts:,} acts of the publisher's officers; registrars signed "
            + (
                ", ".join(f"{count:,} times (entity {one})" for one, count in sorted(self.signatures.items()))
                or "nothing"
            )
            + f"; {self.hours:,.1f} hours from the opening of registration to the opening of ballots.",
        ]
        if entity is not None:
            own = _sums(self.of(entity))
            lines.append(f"  Of entity {entity}: {own['transactions']:,} transactions, {own['gas']:,} gas.")
        for item in self.items:
            by = f"entity {item.entity}" if item.entity else OTHERS
            lines.append(f"  {item.kind:<20} {by:<10} {item.transactions:>7,} tx  {item.gas:>14,} gas")
        return lines


def costs(
    rpc: RpcClient,
    deployment: Deployment,
    initiative: int,
    *,
    own: Mapping[bytes, int] | None = None,
    progress: Callable[[int], None] = lambda percent: None,
) -> Costs:
    """Reads every block in which the initiative has an event. Raises NodeError where there is none of this number.

    `own` are accounts that the consortium does not know, such as relay lanes, with their entity. `progress` is told
    how much is done, in percent.
    """
    found = list(events.read(rpc, deployment, KINDS, initiative=initiative))
    if not found or not isinstance(found[0].event, InitiativeCreated):
        raise NodeError(f"There is no initiative {initiative}; urna status lists those that there are.")
    accounts = {**_accounts(rpc, deployment), **(own or {})}
    rows: dict[tuple[str, bytes], list[tuple[Receipt, Transaction]]] = {}
    for event, receipt, transaction in _transactions(rpc, found, progress):
        rows.setdefault((type(event).__name__, receipt.sender), []).append((receipt, transaction))
    items = tuple(_item(kind, sender, many, accounts) for (kind, sender), many in sorted(rows.items()))
    publisher = found[0].event.publisher
    return _costs(rpc, deployment, initiative, found, items, publisher)


def _costs(
    rpc: RpcClient,
    deployment: Deployment,
    initiative: int,
    found: Sequence[Located],
    items: tuple[Item, ...],
    publisher: int,
) -> Costs:
    happened = [one.event for one in found]
    signatures: dict[int, int] = {}
    for event in happened:
        if isinstance(event, Registered | ProposalSubmitted | ReplacementQueued):
            for registrar in event.registrars:
                signatures[registrar] = signatures.get(registrar, 0) + 1
    windows: Record = deployment.contract("Initiatives").read(rpc, "windowsOf", initiative)
    batched = {"Registered", "RegistrationSkipped", "BallotCast", "BallotSkipped", "BallotCounted"}
    return Costs(
        initiative=initiative,
        items=items,
        registered=sum(len(event.tags) for event in happened if isinstance(event, Registered)),
        proposals=sum(isinstance(event, ProposalSubmitted) for event in happened),
        ballots=sum(isinstance(event, BallotCast) for event in happened),
        counted=sum(isinstance(event, BallotCounted) for event in happened),
        batches=sum(item.transactions for item in items if item.kind in batched),
        acts=sum(item.transactions for item in items if item.entity == publisher and item.kind in _ACTS),
        signatures=signatures,
        hours=(windows.votingCloses + windows.challengePeriod - windows.registrationOpens) / 3600,
    )


_ACTS = frozenset(
    (
        *("InitiativeCreated", "ProposalAccepted", "ProposalRejected", "CostChanged"),
        *("ExtensionProposed", "InitiativeVoided", "ExecutionReported", "ReportErased"),
    )
)


def _transactions(
    rpc: RpcClient, found: Sequence[Located], progress: Callable[[int], None]
) -> Iterator[tuple[Event, Receipt, Transaction]]:
    """The first event of each transaction, with the transaction."""
    blocks = [(number, list(group)) for number, group in groupby(found, key=lambda one: one.block)]
    for done, (number, located) in enumerate(blocks, 1):
        receipts, block = rpc.block_receipts(number), rpc.full_block(number)
        for place, group in groupby(located, key=lambda one: one.transaction_index):
            yield next(group).event, receipts[place], block.transactions[place]
        progress(100 * done // len(blocks))


def _item(kind: str, sender: bytes, many: Sequence[tuple[Receipt, Transaction]], accounts: Mapping[bytes, int]) -> Item:
    return Item(
        kind=kind,
        account="0x" + sender.hex(),
        entity=accounts.get(sender),
        transactions=len(many),
        gas=sum(receipt.gas_used for receipt, _ in many),
        calldata=sum(len(transaction.data) for _, transaction in many),
        logs=sum(32 * len(log.topics) + len(log.data) for receipt, _ in many for log in receipt.logs),
    )


def _accounts(rpc: RpcClient, deployment: Deployment) -> dict[bytes, int]:
    """The present accounts of every entity, by address."""
    consortium = deployment.contract("Consortium")
    found: dict[bytes, int] = {}
    for entity in range(1, consortium.read(rpc, "entityCount") + 1):
        for role in Role:
            found[bytes(consortium.read(rpc, "accountOf", entity, role))] = entity
    return found


def _sums(items: Sequence[Item]) -> dict[str, int]:
    return {name: sum(getattr(item, name) for item in items) for name in ("transactions", "gas", "calldata", "logs")}
