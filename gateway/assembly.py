# SPDX-License-Identifier: AGPL-3.0-or-later
"""A gateway's parts, put together from the settings. What depends on what is read here, from top to bottom."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import sqlalchemy as sa

from gateway import log_in
from gateway.ballots.carrier import BallotCarrier
from gateway.ballots.intake import Intake
from gateway.ballots.repository import Ballots
from gateway.ballots.service import BallotService
from gateway.contents.named import NamedContents
from gateway.contents.replicator import Replicator
from gateway.contents.repository import Contents
from gateway.database import INDEX, JOURNAL, locate
from gateway.deps import Services
from gateway.eid.brokers import Brokers
from gateway.eid.issuers import Issuer
from gateway.eid.tokens import TokenVerifier
from gateway.health.checks import Parts
from gateway.health.service import HealthService
from gateway.index.evidence import Evidence
from gateway.index.indexer import Indexer
from gateway.index.nodes import BucketNodes
from gateway.index.reads import Reads
from gateway.index.rebuild import origin_of, view_of
from gateway.index.sources import Sources
from gateway.index.store import IndexStore
from gateway.index.view import ChainView
from gateway.initiatives.results import Results
from gateway.journal import Journal, open_journal
from gateway.journal.tables import EVIDENCE
from gateway.live.broker import Broker
from gateway.live.news import News
from gateway.members.peers import Peers
from gateway.members.registrar import Registrar
from gateway.members.single import Desk
from gateway.metrics import MetricsServer, Readings
from gateway.office import back_office
from gateway.promises import Promises
from gateway.proposals.carrier import ProposalCarrier
from gateway.proposals.service import ProposalService
from gateway.readings import GatewayReadings
from gateway.registrations.carrier import RegistrationCarrier
from gateway.registrations.replacements import ReplacementCarrier
from gateway.registrations.service import RegistrationService
from gateway.relay.outbox import Lane, Outbox
from gateway.relay.simulate import Simulator
from gateway.relay.worker import Carrier, RelayWorker
from gateway.sessions.repository import Sessions
from gateway.settings import Settings
from gateway.submissions import Submissions
from node.deploy import pinned_key
from node.deployment import Deployment
from node.member import Member
from node.member_auth import Member as AuthenticMember
from node.member_auth import Resolver, Verifier
from node.rpc import RpcClient
from protocol.events import Contract
from protocol.hashing import keccak
from protocol.proof import VerifyingKey
from protocol.types import Address, EntityId, Hash32, Role, Suite


@dataclass
class Gateway:
    """One entity's running gateway."""

    settings: Settings
    services: Services
    journal: Journal
    store: IndexStore
    peers: Peers
    contents: Contents
    replicator: Replicator
    workers: Sequence[RelayWorker]
    rpc: RpcClient
    sources: Sources
    readings: GatewayReadings
    metrics: MetricsServer | None = None

    def start(self) -> None:
        if self.settings.metrics_port is not None:
            self.metrics = MetricsServer(
                self.settings.metrics_host, self.settings.metrics_port, Readings(self.readings)
            )
        self.services.indexer.start()
        for worker in self.workers:
            worker.start()
        self.replicator.start()
        self.services.health.monitor.start()
        self.services.intake.start()
        self.services.office.start()

    def stop(self) -> None:
        self.services.health.monitor.stop()
        if self.metrics is not None:
            self.metrics.stop()
        self.services.intake.stop()
        self.replicator.stop()
        for worker in self.workers:
            worker.stop()
        self.services.office.stop()
        self.services.indexer.stop()
        self.peers.close()
        self.store.close()
        self.journal.close()
        self.sources.close()
        self.rpc.close()


def build(settings: Settings, test_key: VerifyingKey | None = None) -> Gateway:
    """Opens the stores and connects the parts; nothing runs yet. Raises NodeError, DatabaseError, ValueError.

    `test_key` is for tests and benchmarks on a deployment with that key; any other must have the ceremony's.
    """
    with ExitStack() as undo:
        rpc = RpcClient.connect(str(settings.rpc), timeout=settings.rpc_timeout)
        undo.callback(rpc.close)
        deployment = Deployment.load(settings.deployment)
        member = Member.open(settings.entity, rpc, deployment, test_key=test_key is not None)
        if len(member.folder.public.lanes) < 2:
            raise ValueError(f"{settings.entity}: a gateway has two relay lanes at least: ballots travel in their own")
        issuers = {issuer.iss: Issuer(issuer) for issuer in settings.load_issuers()}
        key = test_key or pinned_key()
        origin = origin_of(deployment)
        journal = open_journal(locate(settings.entity, settings.database, JOURNAL), origin)
        undo.callback(journal.close)
        store = IndexStore(locate(settings.entity, settings.database, INDEX), origin)
        undo.callback(store.close)
        base = _Foundation(settings, member, issuers, key, journal, store, view_of(deployment, store))
        gateway = _connect(base)
        undo.pop_all()
        return gateway


@dataclass(frozen=True, slots=True)
class _Foundation:
    """What all parts stand on."""

    settings: Settings
    member: Member
    issuers: Mapping[str, Issuer]
    key: VerifyingKey
    journal: Journal
    store: IndexStore
    view: ChainView

    @property
    def deployment(self) -> Deployment:
        return self.member.deployment

    @property
    def entity(self) -> EntityId:
        return EntityId(self.member.entity)


@dataclass(frozen=True, slots=True)
class _Relay:
    """What brings submissions and ballots to the chain; `boxes` are theirs, in the order of `workers`."""

    submissions: Submissions
    ballots: Ballots
    boxes: Sequence[Outbox]
    workers: Sequence[RelayWorker]

    @property
    def waiting(self) -> int:
        ballots = sum(count for _, count in self.ballots.waiting_initiatives())
        return sum(self.submissions.count_waiting().values()) + ballots


def _connect(base: _Foundation) -> Gateway:
    settings, member, view, store, journal = base.settings, base.member, base.view, base.store, base.journal
    deployment, entity = base.deployment, base.entity
    tokens = TokenVerifier(base.issuers, Brokers(deployment.chain_id, Address(deployment.address("Consortium")), view))
    registrar = Registrar(entity, member.folder, deployment, view, tokens)
    gateway_key = member.folder.key(Role.GATEWAY)
    peers = Peers(registrar, view, gateway_key, settings.member_timeout)
    horizon = settings.promise_horizon + deployment.finality
    promises = Promises(entity, gateway_key, deployment.chain_id, _suite(deployment), view, horizon, settings.last_call)
    contents, named = Contents(journal), NamedContents(lambda: store.database)
    relay = _relay(base, registrar, peers)

    lost: list[Callable[[int], object]] = []

    def on_rewind(block: int) -> None:
        """The chain lost the blocks after this one."""
        for tell in lost:
            tell(block)

    sources, indexer = _indexer(base, on_rewind)
    reads = Reads(store, indexer.refuses_writes)
    news = News(reads, dict(zip(deployment.addresses, Contract, strict=True)))
    live = Broker(news.changed, news.describe)
    indexer.on_append = live.on_append
    results = Results(view)
    people = log_in.assemble(
        member.folder.public.endpoint,
        base.issuers,
        tokens,
        Sessions(settings.session_idle, settings.session_lifetime),
        view,
        deployment,
        journal,
        reads,
    )
    office = back_office.assemble(journal, member, view, results, contents, people.officers, settings.poll_interval)
    lost += [lambda _: live.on_rewind(), office.reopen_after, *(box.reopen_after for box in relay.boxes)]
    watched = [*relay.workers, *office.workers]
    persons, anonymous = relay.workers
    ballots = BallotService(view, relay.ballots, base.key, promises)
    services = Services(
        view=view,
        indexer=indexer,
        registrar=registrar,
        members=Verifier(_resolver(view), audience=entity),
        registrations=RegistrationService(view, registrar, relay.submissions, promises),
        proposals=ProposalService(view, registrar, relay.submissions, promises),
        contents=contents,
        named=named,
        ballots=ballots,
        promises=promises,
        reads=reads,
        nodes=BucketNodes(),
        results=results,
        log_in=people,
        health=HealthService(
            Parts(settings, view, indexer, sources, watched, tokens, registrar, lambda: relay.waiting)
        ),
        live=live,
        office=office,
        wake_registrations=persons.wake,
        wake_ballots=anonymous.wake,
        intake=Intake(ballots.cast_all, anonymous.wake),
        stopping=threading.Event(),
    )
    readings = GatewayReadings(view, indexer, relay.submissions, relay.ballots, watched)
    replicator = Replicator(
        contents, named, lambda: view.other_endpoints(entity), lambda: indexer.fault() is None, settings.text_interval
    )
    return Gateway(
        settings, services, journal, store, peers, contents, replicator, relay.workers, member.rpc, sources, readings
    )


def _relay(base: _Foundation, registrar: Registrar, peers: Peers) -> _Relay:
    settings, folder, rpc, deployment = base.settings, base.member.folder, base.member.rpc, base.deployment
    submissions = Submissions(base.journal, settings.queue_limit)
    ballots = Ballots(base.journal, settings.queue_limit)
    lanes = [Lane(f"lane-{number}", folder.lane_key(number)) for number in range(len(folder.public.lanes))]
    half = len(lanes) // 2  # ballots travel in lanes of their own
    boxes = [
        Outbox(base.journal, rpc, deployment.chain_id, own, deployment.finality) for own in (lanes[:half], lanes[half:])
    ]
    simulator = Simulator(rpc, lanes[0].key.address)
    desk = Desk(submissions, base.view, peers, deployment, simulator, _keep_evidence)
    size, age = settings.batch_size, settings.batch_age
    carriers: list[list[Carrier]] = [
        [RegistrationCarrier(desk, registrar, size, age), ReplacementCarrier(desk), ProposalCarrier(desk)],
        [BallotCarrier(ballots, base.view, deployment, simulator, size, age, settings.last_call)],
    ]
    workers = [
        RelayWorker(name, box, own, settings.poll_interval)
        for name, box, own in zip(("persons", "ballots"), boxes, carriers, strict=True)
    ]
    return _Relay(submissions, ballots, boxes, workers)


def _indexer(base: _Foundation, on_rewind: Callable[[int], None]) -> tuple[Sources, Indexer]:
    settings, deployment = base.settings, base.deployment
    urls = [str(url) for url in (settings.rpc, *settings.rpc_others)]
    sources = Sources.connect(urls, settings.rpc_timeout, Evidence(settings.entity / "evidence"))
    indexer = Indexer(
        sources,
        base.store,
        base.view,
        deployment.addresses,
        deployment.block,
        deployment.finality,
        settings.poll_interval,
        on_rewind,
    )
    return sources, indexer


def _suite(deployment: Deployment) -> Suite:
    return Suite(*(Address(address) for address in deployment.suite))


def _resolver(view: ChainView) -> Resolver:
    def resolve(account: bytes) -> AuthenticMember | None:
        found = view.role_of(account)
        return None if found is None else AuthenticMember(found[0], found[1].label)

    return resolve


def _keep_evidence(db: sa.Connection, batch: Hash32, initiative: int, tokens: Sequence[str]) -> None:
    """Hashes of the tokens, for an auditor that has the tokens from elsewhere; never the tokens."""
    hashes = b"".join(keccak(token.encode()) for token in tokens)
    db.execute(EVIDENCE.insert().values(batch=batch, initiative=initiative, token_hashes=hashes))
