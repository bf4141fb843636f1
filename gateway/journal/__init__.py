# SPDX-License-Identifier: AGPL-3.0-or-later
"""A gateway's durable store: what it accepted and signed. Losing it loses promises; the index may burn, this not."""

from __future__ import annotations

from gateway.journal.journal import Journal, open_journal
from gateway.journal.migrate import JournalError, migrate

__all__ = ["Journal", "JournalError", "migrate", "open_journal"]
