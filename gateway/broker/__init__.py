# SPDX-License-Identifier: AGPL-3.0-or-later
"""An entity's broker: logs people in at an eID that is not OpenID Connect, and vouches for them under a key that stands
on the chain (docs/protocol/encodings.md, Brokers). What that costs in trust is in docs/threat-model.md."""
