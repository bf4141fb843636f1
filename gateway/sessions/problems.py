# SPDX-License-Identifier: AGPL-3.0-or-later
"""What log-in refuses.

Problem
├── AuthorisationUnknown 400 · IssuerRefused 400
├── NotLoggedIn 401 · SessionEnded 401
├── CrossSite, AuthorisationDenied, LevelTooLow, RoleMissing, InvitationRefused 403
├── LastAdministrator 409 · UnknownIssuer 422
└── IssuerUnavailable, LogInUnavailable 503
"""

from __future__ import annotations

from gateway.problems import Problem


class AuthorisationUnknown(Problem):
    status, code, title = 400, "authorisation-unknown", "This authorisation is not under way in this browser"


class IssuerRefused(Problem):
    status, code, title = 400, "issuer-refused", "The eID issuer did not confirm the authorisation"


class NotLoggedIn(Problem):
    status, code, title = 401, "not-logged-in", "This needs a log-in"


class SessionEnded(Problem):
    status, code, title = 401, "session-ended", "The session is over"


class CrossSite(Problem):
    status, code, title = 403, "cross-site", "The request came from another site"


class AuthorisationDenied(Problem):
    status, code, title = 403, "authorisation-denied", "The log-in was broken off at the eID issuer"


class LevelTooLow(Problem):
    status, code, title = 403, "level-too-low", "The log-in was too weak for this"


class RoleMissing(Problem):
    status, code, title = 403, "role-missing", "The entity gave no role for this"


class InvitationRefused(Problem):
    status, code, title = 403, "invitation-refused", "The invitation does not hold"


class LastAdministrator(Problem):
    status, code, title = 409, "last-administrator", "An entity keeps one administrator at least"


class UnknownIssuer(Problem):
    status, code, title = 422, "unknown-issuer", "This gateway does not work with the eID issuer"


class IssuerUnavailable(Problem):
    status, code, title, retry_after = 503, "issuer-unavailable", "The eID issuer does not answer", 5


class LogInUnavailable(Problem):
    status, code, title, retry_after = 503, "log-in-unavailable", "Nobody can log in here now", 60
