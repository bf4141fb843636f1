# SPDX-License-Identifier: AGPL-3.0-or-later
"""Officers: who they are, their roles, invitations, and who gave whom which."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "officer",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("namespace", sa.Text),
        sa.Column("subject", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_officer"),
        sa.UniqueConstraint("namespace", "subject", name="uq_officer_namespace_subject"),
    )
    op.create_table(
        "officer_role",
        sa.Column("officer", sa.Text, sa.ForeignKey("officer.id", name="fk_officer_role_officer"), nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("officer", "role", name="pk_officer_role"),
    )
    op.create_table(
        "invitation",
        sa.Column("code_hash", sa.LargeBinary, nullable=False),
        sa.Column("officer", sa.Text, sa.ForeignKey("officer.id", name="fk_invitation_officer"), nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("code_hash", name="pk_invitation"),
        sa.UniqueConstraint("officer", name="uq_invitation_officer"),
    )
    op.create_table(
        "appointment",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("by", sa.Text),
        sa.Column("officer", sa.Text, nullable=False),
        sa.Column("change", sa.Text, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_appointment"),
    )
