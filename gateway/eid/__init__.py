# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who somebody is, by the word of an eID issuer: OpenID Connect ID tokens and the keys that sign them."""
