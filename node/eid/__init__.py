# SPDX-License-Identifier: AGPL-3.0-or-later
"""The development eID provider: oidc-provider (npm, certified) over test persons. Never for production.

Python keeps its folder (keys, clients, persons) and starts it; provider.mjs serves. `state` makes and rotates keys,
`login` is a test person's browser.
"""
