# SPDX-License-Identifier: AGPL-3.0-or-later
"""The HTTP interface over a gateway: its routes, what every request passes through, and the application's life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from gateway import log_in, problems
from gateway.assembly import Gateway
from gateway.authorisations import endpoints as authorisation_endpoints
from gateway.ballots import endpoints as ballot_endpoints
from gateway.ballots.door import BallotDoor
from gateway.conditional import Conditional
from gateway.contents import endpoints as content_endpoints
from gateway.entities import endpoints as entity_endpoints
from gateway.health import endpoints as health_endpoints
from gateway.initiatives import endpoints as initiative_endpoints
from gateway.limits import THREADS, Bounds
from gateway.live import endpoints as live_endpoints
from gateway.members import endpoints as member_endpoints
from gateway.observed import Observed
from gateway.office.acts import endpoints as act_endpoints
from gateway.office.drafts import endpoints as draft_endpoints
from gateway.office.moderation import endpoints as moderation_endpoints
from gateway.office.reports import endpoints as report_endpoints
from gateway.officers import endpoints as officer_endpoints
from gateway.openapi import describe
from gateway.profile import endpoints as profile_endpoints
from gateway.proposals import endpoints as proposal_endpoints
from gateway.rates import RateLimits, Rates
from gateway.registrations import endpoints as registration_endpoints
from gateway.security import SecurityHeaders


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
    app.add_middleware(BallotDoor, services=gateway.services)
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
