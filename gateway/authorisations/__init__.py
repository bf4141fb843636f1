# SPDX-License-Identifier: AGPL-3.0-or-later
"""Authorisation requests at eID issuers (code flow with PKCE): for a log-in, or for one act that a nonce binds."""
