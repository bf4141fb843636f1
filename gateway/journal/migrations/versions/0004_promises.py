# SPDX-License-Identifier: AGPL-3.0-or-later
"""What was promised, beside what was accepted. Rows from before were promised to nobody."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for table in ("submission", "ballot"):
        op.add_column(table, sa.Column("promise_block", sa.BigInteger))
        op.add_column(table, sa.Column("promise", sa.LargeBinary))
