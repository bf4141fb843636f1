# SPDX-License-Identifier: AGPL-3.0-or-later
"""The back office: drafts with their versions, and acts."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "office_draft",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("submitted_by", sa.Text),
        sa.Column("approved_by", sa.Text),
        sa.Column("remark", sa.Text),
        sa.Column("act", sa.Text),
        sa.Column("initiative", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_office_draft"),
        sa.CheckConstraint(
            "state IN ('draft', 'submitted', 'approved', 'published')", name=op.f("ck_office_draft_state")
        ),
    )
    op.create_table(
        "office_draft_version",
        sa.Column(
            "draft", sa.Text, sa.ForeignKey("office_draft.id", name="fk_office_draft_version_draft"), nullable=False
        ),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("draft", "version", name="pk_office_draft_version"),
    )
    op.create_table(
        "office_act",
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("initiative", sa.BigInteger),
        sa.Column("officer", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("body_hash", sa.LargeBinary, nullable=False),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("statement", sa.Text, nullable=False),
        sa.Column("target", sa.LargeBinary, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("gas", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("code", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("tx", sa.Integer, sa.ForeignKey("tx.id", name="fk_office_act_tx")),
        sa.PrimaryKeyConstraint("place", name="pk_office_act"),
        sa.UniqueConstraint("id", name="uq_office_act_id"),
        sa.UniqueConstraint("key", name="uq_office_act_key"),
        sa.CheckConstraint(
            "status IN ('accepted', 'queued', 'sent', 'mined', 'final', 'failed')", name=op.f("ck_office_act_status")
        ),
    )
    op.create_index("ix_office_act_tx", "office_act", ["tx"])
    op.create_index("ix_office_act_initiative", "office_act", ["initiative", "place"])
