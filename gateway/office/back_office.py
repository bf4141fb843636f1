# SPDX-License-Identifier: AGPL-3.0-or-later
"""The back office put together: its services, and a queue with a worker for each of the entity's accounts that acts."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from gateway.contents.repository import Contents
from gateway.index.view import ChainView
from gateway.initiatives.results import Results
from gateway.journal import Journal
from gateway.office.acts.account import AccountTurn
from gateway.office.acts.carrier import ActCarrier, Consequence
from gateway.office.acts.orders import Kind
from gateway.office.acts.repository import Acts
from gateway.office.acts.service import ActService
from gateway.office.costs import CostService
from gateway.office.drafts.publication import PepperHandover, Publication
from gateway.office.drafts.repository import Drafts
from gateway.office.drafts.service import DraftService
from gateway.office.reports.service import ReportService
from gateway.officers.roles import Role as OfficerRole
from gateway.officers.service import OfficerService
from gateway.relay.outbox import Lane, Outbox
from gateway.relay.simulate import Simulator
from gateway.relay.worker import RelayWorker
from node.deployment import Deployment
from node.errors import KeystoreError
from node.keys import Signer
from node.member import Member
from protocol.types import Role

log = logging.getLogger(__name__)

ACCOUNTS = (Role.PUBLISHER, Role.MEMBER)


@dataclass(frozen=True, slots=True)
class BackOffice:
    """The parts that endpoints use, and what runs beside them."""

    deployment: Deployment
    drafts: DraftService
    publication: Publication
    acts: ActService
    reports: ReportService
    costs: CostService
    handover: PepperHandover
    outboxes: tuple[Outbox, ...]
    workers: tuple[RelayWorker, ...]
    turns: tuple[AccountTurn, ...]

    def start(self) -> None:
        for worker in self.workers:
            worker.start()
        self.handover.start()

    def stop(self) -> None:
        """What is unfinished goes on at the next start."""
        for worker in self.workers:
            worker.stop()
        self.handover.stop()
        for turn in self.turns:
            turn.give_back()

    def reopen_after(self, block: int) -> None:
        """The chain lost the blocks after `block`."""
        for outbox in self.outboxes:
            outbox.reopen_after(block)


def assemble(
    journal: Journal,
    member: Member,
    view: ChainView,
    results: Results,
    contents: Contents,
    officers: OfficerService,
    interval: float,
) -> BackOffice:
    """`interval` are seconds between a worker's rounds."""
    repository, drafts = Acts(journal), Drafts(journal)
    workers: list[RelayWorker] = []

    def wake() -> None:
        for worker in workers:
            worker.wake()

    keys = _keys(member)
    simulators = {role: Simulator(member.rpc, key.address) for role, key in keys.items()}
    acts = ActService(journal, repository, member.deployment, simulators, wake)
    draft_service = DraftService(journal, drafts, view)
    publication = Publication(
        draft_service, drafts, acts, member, lambda who: officers.has_role(who, OfficerRole.PUBLISHER)
    )
    reports = ReportService(acts, view, results, contents)
    handover = PepperHandover(member, view, drafts)

    consequences: dict[Kind, Consequence] = {Kind.PUBLISH: publication.conclude}
    outboxes, turns = [], []
    for role, key in keys.items():
        turn = AccountTurn(member.rpc, member.deployment, member.folder.outbox, key.address)
        lane = Lane(f"{role.label}-{key.address.hex()[:8]}", key)
        outbox = Outbox(journal, member.rpc, member.deployment.chain_id, [lane], member.deployment.finality)
        carrier = ActCarrier(role, repository, turn, simulators[role], member.rpc, consequences)
        workers.append(RelayWorker(role.label, outbox, [carrier], interval))
        outboxes.append(outbox)
        turns.append(turn)
    costs = CostService(member, view)
    return BackOffice(
        member.deployment,
        draft_service,
        publication,
        acts,
        reports,
        costs,
        handover,
        tuple(outboxes),
        tuple(workers),
        tuple(turns),
    )


def _keys(member: Member) -> dict[Role, Signer]:
    """The accounts whose keys are on this machine: an entity may keep its member account elsewhere."""
    found = {}
    for role in ACCOUNTS:
        try:
            found[role] = member.folder.key(role)
        except KeystoreError as error:
            log.warning("the back office does nothing with the %s account: %s", role.label, error)
    return found
