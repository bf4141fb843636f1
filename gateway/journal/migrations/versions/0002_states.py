# SPDX-License-Identifier: AGPL-3.0-or-later
"""`signed` is called `queued`; failures have codes; a nonce may be displaced; ballots have slots."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

STATES = "('accepted', 'queued', 'sent', 'mined', 'final', 'failed')"
PROOF_BYTES, SLOT_BYTES = 256, 36
ACCEPTED, OPEN = sa.text("status = 'accepted'"), sa.text("status IN ('queued', 'sent', 'mined')")


def upgrade() -> None:
    for index in ("submission_open", "submission_tx", "ballot_open", "ballot_tx"):
        op.drop_index(index)
    for table in ("tx", "submission", "ballot"):
        op.rename_table(table, f"{table}_1")
    _create()
    queued = "CASE status WHEN 'signed' THEN 'queued' ELSE status END"
    slot = f"substr(entry, {PROOF_BYTES + 1}, {SLOT_BYTES})"
    same = "kind, initiative, key, body_hash, payload, reason, attempts, tx"
    op.execute(
        "INSERT INTO tx (id, lane, nonce, hash, raw, status, block) "  # noqa: S608  # names of ours
        f"SELECT id, lane, nonce, hash, raw, {queued}, block FROM tx_1"
    )
    op.execute(f"INSERT INTO submission (id, {same}, status) SELECT id, {same}, {queued} FROM submission_1")  # noqa: S608
    same = "hash, initiative, entry, reason, attempts, tx"
    op.execute(f"INSERT INTO ballot ({same}, slot, status) SELECT {same}, {slot}, {queued} FROM ballot_1")  # noqa: S608
    for table in ("submission", "ballot", "tx"):
        op.drop_table(f"{table}_1")
    db = op.get_bind()
    if db.dialect.name == "postgresql":
        last = "(SELECT coalesce(max(id), 0) + 1 FROM tx)"
        db.execute(sa.text(f"SELECT setval(pg_get_serial_sequence('tx', 'id'), {last}, false)"))
    _split("submission", "id")
    _split("ballot", "hash")


def _split(name: str, key: str) -> None:
    """`code: sentence`, or the name of a contract's error alone, into columns of their own."""
    db = op.get_bind()
    table = sa.table(name, sa.column(key), sa.column("reason"), sa.column("code"), sa.column("error"))
    for own, reason in db.execute(sa.select(table.c[key], table.c.reason).where(table.c.reason.is_not(None))).all():
        code, colon, sentence = reason.partition(": ")
        values = {"code": "not-landed"}
        if colon and " " not in code:
            values = {"code": code, "reason": sentence}
        elif " " not in reason:
            values = {"code": "refused-by-contract", "error": reason}
        db.execute(sa.update(table).where(table.c[key] == own).values(values))


def _create() -> None:
    op.create_table(
        "tx",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("nonce", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("block", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_tx"),
        sa.UniqueConstraint("hash", name="uq_tx_hash"),
        sa.UniqueConstraint("lane", "nonce", name="uq_tx_lane_nonce"),
        sa.CheckConstraint(
            "status IN ('queued', 'sent', 'mined', 'final', 'failed', 'displaced')", name=op.f("ck_tx_status")
        ),
    )
    op.create_index("ix_tx_open", "tx", ["lane", "nonce"], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_table(
        "submission",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("initiative", sa.BigInteger, nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("body_hash", sa.LargeBinary, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("code", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("tx", sa.Integer, sa.ForeignKey("tx.id", name="fk_submission_tx")),
        sa.PrimaryKeyConstraint("id", name="pk_submission"),
        sa.UniqueConstraint("kind", "initiative", "key", name="uq_submission_kind_initiative_key"),
        sa.CheckConstraint("kind IN ('registration', 'replacement', 'proposal')", name=op.f("ck_submission_kind")),
        sa.CheckConstraint(f"status IN {STATES}", name=op.f("ck_submission_status")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_submission_open",
        "submission",
        ["kind", "initiative", "attempts", "id"],
        sqlite_where=ACCEPTED,
        postgresql_where=ACCEPTED,
    )
    op.create_index("ix_submission_tx", "submission", ["tx"])
    op.create_table(
        "ballot",
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("initiative", sa.BigInteger, nullable=False),
        sa.Column("slot", sa.LargeBinary, nullable=False),
        sa.Column("entry", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("code", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("tx", sa.Integer, sa.ForeignKey("tx.id", name="fk_ballot_tx")),
        sa.PrimaryKeyConstraint("hash", name="pk_ballot"),
        sa.CheckConstraint(f"status IN {STATES}", name=op.f("ck_ballot_status")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_ballot_open", "ballot", ["initiative"], sqlite_where=ACCEPTED, postgresql_where=ACCEPTED)
    op.create_index("ix_ballot_tx", "ballot", ["tx"])
    op.create_index("ix_ballot_slot", "ballot", ["slot"])
