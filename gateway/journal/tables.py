# SPDX-License-Identifier: AGPL-3.0-or-later
"""The journal's tables, as the newest migration leaves them (a test compares the two).

Rows of submissions and ballots are kept in the order of random or hashed keys, not of arrival, and without a time:
nothing in here joins a person to a ballot, nor tells in which order ballots came (a promise names a round block, the
same for all that came within some minutes). `privacy.py` says how each database
is held to that. Who adds a table here adds a migration, and asks what the table could be joined to.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

METADATA = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

#: What a submission or a ballot goes through; `queued` is signed into the outbox. While it is carried its row says
#: `queued`, and `sent` and `mined` stand in its transaction's alone: `effective` puts them together.
STATES = ("accepted", "queued", "sent", "mined", "final", "failed")
#: What a transaction goes through; `displaced`: another transaction of the account has its nonce for good.
TX_STATES = ("queued", "sent", "mined", "final", "failed", "displaced")
#: What persons hand in under their eID.
KINDS = ("registration", "replacement", "proposal")


def _one_of(column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} IN ({', '.join(repr(value) for value in values)})", name=column)


def _partial(name: str, *columns: sa.Column[object], where: str) -> sa.Index:
    return sa.Index(name, *columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _promise() -> tuple[sa.Column[Any], sa.Column[Any]]:
    """What was promised: the latest block, a round number, and the signature (gateway/promises.py)."""
    return sa.Column("promise_block", sa.BigInteger), sa.Column("promise", sa.LargeBinary)


#: The chain and the deployment that everything in here belongs to: one row.
ORIGIN = sa.Table("origin", METADATA, sa.Column("chain", sa.LargeBinary, primary_key=True), sqlite_with_rowid=False)

#: The outbox: each lane's transactions by nonce, with the bytes that are sent again until they are final.
TX = sa.Table(
    "tx",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("lane", sa.Text, nullable=False),
    sa.Column("nonce", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("raw", sa.LargeBinary, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("block", sa.BigInteger),
    sa.UniqueConstraint("lane", "nonce"),
    _one_of("status", TX_STATES),
)
_partial("ix_tx_open", TX.c.lane, TX.c.nonce, where="status IN ('queued', 'sent', 'mined')")

#: What persons handed in. `key` makes a request idempotent, `body_hash` tells a repetition from another request.
SUBMISSION = sa.Table(
    "submission",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
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
    sa.Column("tx", sa.Integer, sa.ForeignKey("tx.id")),
    *_promise(),
    sa.UniqueConstraint("kind", "initiative", "key"),
    _one_of("kind", KINDS),
    _one_of("status", STATES),
    sqlite_with_rowid=False,
)
_partial(
    "ix_submission_open",
    SUBMISSION.c.kind,
    SUBMISSION.c.initiative,
    SUBMISSION.c.attempts,
    SUBMISSION.c.id,
    where="status = 'accepted'",
)
sa.Index("ix_submission_tx", SUBMISSION.c.tx)

#: Sealed ballots. `slot` is nullifier and sequence, as in `entry`: one ballot each, but for those that failed.
BALLOT = sa.Table(
    "ballot",
    METADATA,
    sa.Column("hash", sa.LargeBinary, primary_key=True),
    sa.Column("initiative", sa.BigInteger, nullable=False),
    sa.Column("slot", sa.LargeBinary, nullable=False),
    sa.Column("entry", sa.LargeBinary, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("code", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("tx", sa.Integer, sa.ForeignKey("tx.id")),
    *_promise(),
    _one_of("status", STATES),
    sqlite_with_rowid=False,
)
_partial("ix_ballot_open", BALLOT.c.initiative, where="status = 'accepted'")
sa.Index("ix_ballot_tx", BALLOT.c.tx)
sa.Index("ix_ballot_slot", BALLOT.c.slot)

#: Hashes of the tokens behind a batch, for an auditor that has the tokens from elsewhere.
EVIDENCE = sa.Table(
    "evidence",
    METADATA,
    sa.Column("batch", sa.LargeBinary, primary_key=True),
    sa.Column("initiative", sa.BigInteger, nullable=False),
    sa.Column("token_hashes", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

#: Texts by the hash that stands on chain.
CONTENT = sa.Table(
    "content",
    METADATA,
    sa.Column("hash", sa.LargeBinary, primary_key=True),
    sa.Column("document", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

#: The people who act for the entity. Who they are by their eID is known once they took their invitation.
OFFICER = sa.Table(
    "officer",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("namespace", sa.Text),
    sa.Column("subject", sa.Text),
    sa.UniqueConstraint("namespace", "subject"),
)
OFFICER_ROLE = sa.Table(
    "officer_role",
    METADATA,
    sa.Column("officer", sa.Text, sa.ForeignKey("officer.id"), primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
)
INVITATION = sa.Table(
    "invitation",
    METADATA,
    sa.Column("code_hash", sa.LargeBinary, primary_key=True),
    sa.Column("officer", sa.Text, sa.ForeignKey("officer.id"), nullable=False, unique=True),
    sa.Column("expires", sa.BigInteger, nullable=False),
)
#: Who gave whom which roles: only ever appended to.
APPOINTMENT = sa.Table(
    "appointment",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("by", sa.Text),
    sa.Column("officer", sa.Text, nullable=False),
    sa.Column("change", sa.Text, nullable=False),
    sa.Column("roles", sa.Text, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
)

# The back office. These name officers by pseudonym, with times: officers act in public office.

#: What a draft goes through in the back office.
DRAFT_STATES = ("draft", "submitted", "approved", "published")

#: `version` is the newest; `act` the publication under way or done, `initiative` what came of it.
OFFICE_DRAFT = sa.Table(
    "office_draft",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("submitted_by", sa.Text),
    sa.Column("approved_by", sa.Text),
    sa.Column("remark", sa.Text),
    sa.Column("act", sa.Text),
    sa.Column("initiative", sa.BigInteger),
    _one_of("state", DRAFT_STATES),
)

#: Every version ever saved, by whom and when (Unix seconds).
OFFICE_DRAFT_VERSION = sa.Table(
    "office_draft_version",
    METADATA,
    sa.Column("draft", sa.Text, sa.ForeignKey("office_draft.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)

#: What officers ordered, in the order of arrival: the order of acceptances numbers the options. `statement` is what the
#: attribution on chain is the hash of; `target`, `data`, `gas` are the call as it was ordered.
OFFICE_ACT = sa.Table(
    "office_act",
    METADATA,
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("initiative", sa.BigInteger),
    sa.Column("officer", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False, unique=True),
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
    sa.Column("tx", sa.Integer, sa.ForeignKey("tx.id")),
    _one_of("status", STATES),
)
sa.Index("ix_office_act_tx", OFFICE_ACT.c.tx)
sa.Index("ix_office_act_initiative", OFFICE_ACT.c.initiative, OFFICE_ACT.c.place)


def effective(table: sa.Table) -> sa.Select[tuple[object, ...]]:
    """Rows of SUBMISSION or BALLOT with their state as `state`: what is carried has its transaction's."""
    carried = sa.and_(table.c.status.in_(("queued", "sent", "mined")), TX.c.status.in_(("queued", "sent", "mined")))
    state = sa.case((carried, TX.c.status), else_=table.c.status).label("state")
    return sa.select(table, state).select_from(table.outerjoin(TX, TX.c.id == table.c.tx))
