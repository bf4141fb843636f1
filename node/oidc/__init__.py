# SPDX-License-Identifier: AGPL-3.0-or-later
"""OpenID Connect as a client sees it: what an issuer says of itself, and the authorization code flow with PKCE."""
