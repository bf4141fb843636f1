# SPDX-License-Identifier: AGPL-3.0-or-later
"""`Depends(officer(Role.EDITOR))`: for endpoints of the back office, all below `/v1/back-office`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends

from gateway.deps import Services, services
from gateway.officers.roles import Officer, Role
from gateway.sessions.guards import session
from gateway.sessions.repository import Session


def officer(*roles: Role) -> Callable[[Session, Services], Officer]:
    """A dependency: the officer who asks, who has one of these roles (none named: any at all).

    Anonymous: 401 `not-logged-in` or `session-ended`. Too weak a log-in: 403 `level-too-low`. Without the role: 403
    `role-missing`. A method that changes something and comes from another site: 403 `cross-site`.
    """

    def dependency(
        found: Annotated[Session, Depends(session)], all_: Annotated[Services, Depends(services)]
    ) -> Officer:
        return all_.log_in.officers.authorise(found, roles)

    return dependency
