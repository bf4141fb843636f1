# SPDX-License-Identifier: AGPL-3.0-or-later
"""The application: its parts put together from the settings, and their life."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from anyio import to_thread
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from gateway import log_in, problems
from gateway.authorisations import endpoints as authorisation_endpoints
from gateway.ballots import endpoints as ballot_endpoints
from gateway.ballots.carrier import BallotCarrier
from gateway.ballots.intake import Intake
from gateway.ballots.repository import Ballots
from gateway.ballots.service import BallotService
from gateway.conditional import Conditional
from gateway.contents import endpoints as content_endpoints
from gateway.contents.named import NamedContents
from gateway.contents.replicator import Replicator
from gateway.contents.repository import Contents
from gateway.database import INDEX, JOURNAL, locate
from gateway.deps import Services
from gateway.eid.brokers import Brokers
from gateway.eid.issuers import Issuer
from gateway.eid.tokens import TokenVerifier
from gateway.entities import endpoints as entity_endpoints
from gateway.health import endpoints as health_endpoints
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
from gateway.initiatives import endpoints as initiative_endpoints
from gateway.initiatives.results import Results
from gateway.journal import Journal, open_journal
from gateway.journal.tables import EVIDENCE
from gateway.limits import THREADS, Bounds
from gateway.live import endpoints as live_endpoints
from gateway.live.broker import Broker
from gateway.live.news import News
from gateway.members import endpoints as member_endpoints
from gateway.members.peers import Peers
from gateway.members.registrar import Registrar
from gateway.members.single import Desk
from gateway.metrics import MetricsServer, Readings
from gateway.observed import Observed
from gateway.office import back_office
from gateway.office.acts import endpoints as act_endpoints
from gateway.office.drafts import endpoints as draft_endpoints
from gateway.office.moderation import endpoints as moderation_endpoints
from gateway.office.reports import endpoints as report_endpoints
from gateway.officers import endpoints as officer_endpoints
from gateway.openapi import describe
from gateway.profile import endpoints as profile_endpoints
from gateway.promises import Promises
from gateway.proposals import endpoints as proposal_endpoints
from gateway.proposals.carrier import ProposalCarrier
from gateway.proposals.service import ProposalService
from gateway.rates import RateLimits, Rates
from gateway.readings import GatewayReadings
from gateway.registrations import endpoints as registration_endpoints
from gateway.registrations.carrier import RegistrationCarrier
from gateway.registrations.replacements import ReplacementCarrier
from gateway.registrations.service import RegistrationService
from gateway.relay.outbox import Lane, Outbox
from gateway.relay.simulate import Simulator
from gateway.relay.worker import Carrier, RelayWorker
from gateway.security import SecurityHeaders
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
        gateway = _connect(settings, member, issuers, key, journal, store)
        undo.pop_all()
        return gateway


def _connect(
    settings: Settings,
    member: Member,
    issuers: Mapping[str, Issuer],
    key: VerifyingKey,
    journal: Journal,
    store: IndexStore,
) -> Gateway:
    rpc, deployment, entity = member.rpc, member.deployment, EntityId(member.entity)
    consortium = Address(deployment.address("Consortium"))
    view = view_of(deployment, store)
    tokens = TokenVerifier(issuers, Brokers(deployment.chain_id, consortium, view))
    registrar = Registrar(entity, member.folder, deployment, view, tokens)
    gateway_key = member.folder.key(Role.GATEWAY)
    peers = Peers(registrar, view, gateway_key, settings.member_timeout)
    promises = Promises(
        entity,
        gateway_key,
        deployment.chain_id,
        _suite(deployment),
        view,
        settings.promise_horizon + deployment.finality,
    )
    submissions = Submissions(journal, settings.queue_limit)
    ballots = Ballots(journal, settings.queue_limit)
    contents, named = Contents(journal), NamedContents(lambda: store.database)

    lanes = [
        Lane(f"lane-{number}", member.folder.lane_key(number)) for number in range(len(member.folder.public.lanes))
    ]
    half = len(lanes) // 2  # ballots travel in lanes of their own
    person_box = Outbox(journal, rpc, deployment.chain_id, lanes[:half], deployment.finality)
    ballot_box = Outbox(journal, rpc, deployment.chain_id, lanes[half:], deployment.finality)
    simulator = Simulator(rpc, lanes[0].key.address)
    desk = Desk(submissions, view, peers, deployment, simulator, _keep_evidence)
    person_carriers: list[Carrier] = [
        RegistrationCarrier(desk, registrar, settings.batch_size, settings.batch_age),
        ReplacementCarrier(desk),
        ProposalCarrier(desk),
    ]
    ballot_carrier = BallotCarrier(
        ballots, view, deployment, simulator, settings.batch_size, settings.batch_age, settings.last_call
    )
    persons = RelayWorker("persons", person_box, person_carriers, settings.poll_interval)
    anonymous = RelayWorker("ballots", ballot_box, [ballot_carrier], settings.poll_interval)

    lost: list[Callable[[], None]] = []

    def on_rewind(block: int) -> None:
        for tell in lost:
            tell()
        office.reopen_after(block)
        person_box.reopen_after(block)
        ballot_box.reopen_after(block)

    urls = [str(url) for url in (settings.rpc, *settings.rpc_others)]
    sources = Sources.connect(urls, settings.rpc_timeout, Evidence(settings.entity / "evidence"))
    indexer = Indexer(
        sources,
        store,
        view,
        deployment.addresses,
        deployment.block,
        deployment.finality,
        settings.poll_interval,
        on_rewind,
    )
    reads = Reads(store, indexer.refuses_writes)
    news = News(reads, dict(zip(deployment.addresses, Contract, strict=True)))
    live = Broker(news.changed, news.describe)
    indexer.on_append = live.on_append
    lost.append(live.on_rewind)
    workers = [persons, anonymous]
    ballot_service = BallotService(view, ballots, key, promises)
    reads = Reads(store, indexer.refuses_writes)
    results = Results(view)
    people = log_in.assemble(
        member.folder.public.endpoint,
        issuers,
        tokens,
        Sessions(settings.session_idle, settings.session_lifetime),
        view,
        deployment,
        journal,
        reads,
    )
    office = back_office.assemble(journal, member, view, results, contents, people.officers, settings.poll_interval)
    watched = [*workers, *office.workers]
    health = HealthService(
        Parts(settings, view, indexer, sources, watched, tokens, registrar, lambda: _waiting(submissions, ballots))
    )
    services = Services(
        view=view,
        indexer=indexer,
        registrar=registrar,
        members=Verifier(_resolver(view), audience=entity),
        registrations=RegistrationService(view, registrar, submissions, promises),
        proposals=ProposalService(view, registrar, submissions, promises),
        contents=contents,
        named=named,
        ballots=ballot_service,
        promises=promises,
        reads=reads,
        nodes=BucketNodes(),
        results=results,
        log_in=people,
        health=health,
        live=live,
        office=office,
        wake_registrations=persons.wake,
        wake_ballots=anonymous.wake,
        intake=Intake(ballot_service.cast_all, anonymous.wake),
        stopping=threading.Event(),
    )
    readings = GatewayReadings(view, indexer, submissions, ballots, watched)
    replicator = Replicator(
        contents, named, lambda: view.other_endpoints(entity), lambda: indexer.fault() is None, settings.text_interval
    )
    return Gateway(settings, services, journal, store, peers, contents, replicator, workers, rpc, sources, readings)


def create_app(gateway: Gateway) -> FastAPI:
    """The HTTP interface over a built gateway; it starts and stops with the application."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        await run_in_threadpool(gateway.start)
        sweeping = asyncio.create_task(_sweep(gateway.services.log_in))
        yield
        sweeping.cancel()
        await run_in_threadpool(gateway.stop)

    app = FastAPI(
        title="Urna gateway",
        version="1",
        lifespan=life,
        docs_url=None,  # the page would load its scripts from a third party
        redoc_url=None,
        responses=problems.RESPONSES,
    )
    app.state.services = gateway.services
    settings = gateway.settings
    # The last is the outermost.
    app.add_middleware(Bounds)
    app.add_middleware(Conditional, head=gateway.services.view.peek)
    app.add_middleware(
        RateLimits,
        rates=Rates(settings.client_rate, settings.client_burst),
        proxies=settings.trusted_proxies,
        unlimited=settings.unlimited,
        health=gateway.services.health,
    )
    app.add_middleware(Observed, access_log=settings.access_log)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "POST"),
            allow_headers=("Content-Type", "If-None-Match"),
            expose_headers=("ETag", "Retry-After"),
            max_age=600,
        )
    app.add_middleware(SecurityHeaders, hsts=settings.hsts)
    problems.install(app)
    for router in (
        health_endpoints.router,
        initiative_endpoints.router,
        entity_endpoints.router,
        registration_endpoints.router,
        proposal_endpoints.router,
        content_endpoints.router,
        ballot_endpoints.router,
        member_endpoints.router,
        authorisation_endpoints.router,
        profile_endpoints.router,
        live_endpoints.router,
        officer_endpoints.router,
        draft_endpoints.router,
        act_endpoints.router,
        moderation_endpoints.router,
        report_endpoints.router,
    ):
        app.include_router(router)
    describe(app)
    return app


async def _sweep(people: log_in.LogIn) -> None:
    while True:
        await asyncio.sleep(log_in.SWEEP_INTERVAL)
        await run_in_threadpool(people.sweep)


def _waiting(submissions: Submissions, ballots: Ballots) -> int:
    return sum(submissions.count_waiting().values()) + sum(count for _, count in ballots.waiting_initiatives())


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
