# SPDX-License-Identifier: AGPL-3.0-or-later
"""Commands of a gateway's operator, as `urna` shows them. One file a group, loaded when it is asked for.

`urna` finds this table through the entry point `urna.commands` (pyproject.toml): node does not import gateway. A module
named here imports what is heavy within its functions only where `--help` would wait for it.
"""

from __future__ import annotations

# name: (module:object, what `urna --help` says)
COMMANDS: dict[str, tuple[str, str]] = {
    "gateway": ("gateway.cli.gateway:gateway", "Run an entity's gateway; look at its settings and what it needs."),
    "broker": ("gateway.cli.broker:broker", "Vouch for persons of an eID that is not OpenID Connect."),
    "officer": ("gateway.cli.officer:officer", "Say who acts for the entity in its gateway's back office."),
    "journal": ("gateway.cli.journal:journal", "Back up, restore and migrate what a gateway accepted and promised."),
    "index": ("gateway.cli.index:index", "Look after a gateway's index, its cache of the chain."),
}
