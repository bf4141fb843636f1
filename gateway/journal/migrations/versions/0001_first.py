# SPDX-License-Identifier: AGPL-3.0-or-later
"""The journal as the first gateways wrote it: theirs are taken over at this revision."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

STATES = "('accepted', 'signed', 'sent', 'mined', 'final', 'failed')"


def upgrade() -> None:
    op.create_table("origin", sa.Column("chain", sa.LargeBinary, primary_key=True), sqlite_with_rowid=False)
    op.create_table(
        "tx",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("nonce", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("block", sa.BigInteger),
        sa.UniqueConstraint("lane", "nonce"),
        sa.CheckConstraint("status IN ('signed', 'sent', 'mined', 'final', 'failed')"),
    )
    op.create_table(
        "submission",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("initiative", sa.BigInteger, nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("body_hash", sa.LargeBinary, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("tx", sa.Integer, sa.ForeignKey("tx.id")),
        sa.UniqueConstraint("kind", "initiative", "key"),
        sa.CheckConstraint("kind IN ('registration', 'replacement', 'proposal')"),
        sa.CheckConstraint(f"status IN {STATES}"),
        sqlite_with_rowid=False,
    )
    accepted = sa.text("status = 'accepted'")
    columns = ["kind", "initiative", "attempts", "id"]
    op.create_index("submission_open", "submission", columns, sqlite_where=accepted, postgresql_where=accepted)
    op.create_index("submission_tx", "submission", ["tx"])
    op.create_table(
        "ballot",
        sa.Column("hash", sa.LargeBinary, primary_key=True),
        sa.Column("initiative", sa.BigInteger, nullable=False),
        sa.Column("entry", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("tx", sa.Integer, sa.ForeignKey("tx.id")),
        sa.CheckConstraint(f"status IN {STATES}"),
        sqlite_with_rowid=False,
    )
    op.create_index("ballot_open", "ballot", ["initiative"], sqlite_where=accepted, postgresql_where=accepted)
    op.create_index("ballot_tx", "ballot", ["tx"])
    op.create_table(
        "evidence",
        sa.Column("batch", sa.LargeBinary, primary_key=True),
        sa.Column("initiative", sa.BigInteger, nullable=False),
        sa.Column("token_hashes", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "content",
        sa.Column("hash", sa.LargeBinary, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
