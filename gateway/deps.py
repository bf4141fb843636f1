# SPDX-License-Identifier: AGPL-3.0-or-later
"""What endpoints depend on: the services, made once per process, and the initiative in the path."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Path, Request

from gateway.ballots.intake import Intake
from gateway.ballots.service import BallotService
from gateway.contents.named import NamedContents
from gateway.contents.repository import Contents
from gateway.health.service import HealthService
from gateway.index.indexer import Indexer
from gateway.index.nodes import BucketNodes
from gateway.index.reads import Reads
from gateway.index.view import ChainView
from gateway.initiatives.results import Results
from gateway.live.broker import Broker
from gateway.log_in import LogIn
from gateway.members.registrar import Registrar
from gateway.office.back_office import BackOffice
from gateway.problems import ChainUnavailable, Stopping
from gateway.promises import Promises
from gateway.proposals.service import ProposalService
from gateway.registrations.service import RegistrationService
from node.member_auth import Verifier
from protocol.types import InitiativeId


@dataclass(frozen=True)
class Services:
    """The application's parts, as endpoints see them."""

    view: ChainView
    indexer: Indexer
    registrar: Registrar
    members: Verifier
    registrations: RegistrationService
    proposals: ProposalService
    contents: Contents
    named: NamedContents
    ballots: BallotService
    promises: Promises
    reads: Reads
    nodes: BucketNodes
    results: Results
    log_in: LogIn
    health: HealthService
    live: Broker
    office: BackOffice
    wake_registrations: Callable[[], None]
    wake_ballots: Callable[[], None]
    intake: Intake
    #: Set when the gateway is being stopped: what was accepted is brought to its end, and nothing more is accepted.
    stopping: threading.Event


async def services(request: Request) -> Services:
    return cast(Services, request.app.state.services)


def writable(all_: Annotated[Services, Depends(services)]) -> None:
    """Raises Stopping, ChainUnavailable where the chain was not heard of for too long, or showed two faces."""
    if all_.stopping.is_set():
        raise Stopping("This gateway is being stopped; another member's can be asked.")
    if all_.indexer.refuses_writes():
        raise ChainUnavailable("This gateway does not hear the chain; try again later, or through another member.")


async def initiative_id(initiative: Annotated[int, Path(gt=0, lt=1 << 63)]) -> InitiativeId:
    return InitiativeId(initiative)
