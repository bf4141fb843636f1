# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where Alembic begins; `gateway.journal.migrate` hands over the connection, within a transaction of its own."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
