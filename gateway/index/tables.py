# SPDX-License-Identifier: AGPL-3.0-or-later
"""The index's tables: raw blocks and events, and projections of the folded state, alike on SQLite and PostgreSQL.

Nothing in here joins a person, a tag or a commitment to a nullifier. Hashes and field elements are 32 bytes,
big-endian, so that they sort as numbers; amounts that may exceed 64 bits are decimal text.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, SmallInteger, Table

RAW_VERSION = 3
PROJECTIONS_VERSION = 2

metadata = sa.MetaData()

# Compared byte by byte on both databases, whatever the server's locale.
Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

origin = Table("origin", metadata, Column("key", Text, primary_key=True), Column("value", LargeBinary, nullable=False))


def _erased(name: str) -> Index:
    """The few rows whose text was erased."""
    where = sa.text("erasure IS NOT NULL")
    return Index(name, "initiative", sqlite_where=where, postgresql_where=where)


# Raw: what was read and verified

block = Table(
    "block",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    Column("parent", LargeBinary, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("block", BigInteger, primary_key=True),
    Column("log", Integer, primary_key=True),
    Column("tx", Integer, nullable=False),
    Column("initiative", BigInteger),  # none: the consortium's
    Column("address", LargeBinary, nullable=False),
    Column("topics", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("event_initiative", "initiative", "block", "log"),
    sqlite_with_rowid=False,
)

header = Table(
    "header",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("encoded", LargeBinary, nullable=False),
    comment="RLP of the last blocks' headers, seals included: evidence, should one of them ever be another",
)

RAW = (block, event, header)

# Projections

folded = Table(
    "folded",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    Column("parent", LargeBinary, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("minimum_anonymity", Integer, nullable=False),
    Column("initiatives", BigInteger, nullable=False),
    comment="one row: the block that everything below is as of",
)

entity = Table(
    "entity",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("accounts", LargeBinary, nullable=False),  # 20 bytes each, by role
    Column("active", Boolean, nullable=False),
    Column("trustee_key", LargeBinary),
    Column("broker_key", LargeBinary),
)

motion = Table(
    "motion",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("proposer", BigInteger, nullable=False),
    Column("target", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("approvals", Text, nullable=False),  # entities, with commas, in their order
    Column("executed", BigInteger),  # block
)

suite = Table(
    "suite",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("addresses", LargeBinary, nullable=False),
)

initiative = Table(
    "initiative",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("publisher", BigInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("created", BigInteger, nullable=False),  # block
    Column("phase", SmallInteger, nullable=False),  # as of the folded block's time
    Column("void_reason", SmallInteger, nullable=False),
    Column("turns", BigInteger),  # when time alone may change the phase next
    Column("registration_opens", BigInteger, nullable=False),
    Column("registration_closes", BigInteger, nullable=False),
    Column("voting_opens", BigInteger, nullable=False),
    Column("voting_closes", BigInteger, nullable=False),  # in force
    Column("challenge_period", BigInteger, nullable=False),
    Column("proposed_close", BigInteger),
    Column("extended", Boolean, nullable=False),
    Column("reopened", Boolean, nullable=False),
    Column("voided", SmallInteger, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("min_anonymity", Integer, nullable=False),
    Column("registered", Integer, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("options", Integer, nullable=False),
    Column("words", Integer, nullable=False),
    Column("joint_key", LargeBinary),
    Column("secret_key", LargeBinary),
    Column("distinct_ballots", Integer, nullable=False),
    Column("cast_ballots", Integer, nullable=False),
    Column("skipped_ballots", Integer, nullable=False),
    Column("is_counted", Boolean, nullable=False),
    Index("initiative_turns", "turns"),
    Index("initiative_phase", "phase", "id"),
    Index("initiative_publisher", "publisher", "id"),
    Index("initiative_kind", "kind", "id"),
)

rules = Table(
    "rules",
    metadata,
    Column("initiative", BigInteger, primary_key=True, autoincrement=False),
    Column("encoded", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("scope", LargeBinary, nullable=False),
    Column("ballot_scope", LargeBinary, nullable=False),
    comment="what never changes, and is long",
)

area = Table(
    "area",
    metadata,
    Column("code", Text, primary_key=True),
    Column("initiative", BigInteger, primary_key=True),
    sqlite_with_rowid=False,
)

word = Table(
    "word",
    metadata,
    Column("word", Text, primary_key=True),
    Column("initiative", BigInteger, primary_key=True),
    Index("word_initiative", "initiative", "word"),
    sqlite_with_rowid=False,
)

leaf = Table(
    "leaf",
    metadata,
    Column("initiative", BigInteger, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("commitment", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

registrar = Table(
    "registrar",
    metadata,
    Column("initiative", BigInteger, primary_key=True),
    Column("entity", BigInteger, primary_key=True),
    Column("registered", Integer, nullable=False),
    sqlite_with_rowid=False,
)

proposal = Table(
    "proposal",
    metadata,
    Column("initiative", BigInteger, primary_key=True),
    Column("id", Integer, primary_key=True),
    Column("content_hash", LargeBinary, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("option", Integer),
    Column("feasible", Boolean),
    Column("reason", Text, nullable=False),
    Column("cost", Text, nullable=False),
    Column("erasure", Text),  # why its text was erased
    Index("proposal_option", "initiative", "option"),
    Index("proposal_content", "content_hash"),
    _erased("proposal_erased"),
    sqlite_with_rowid=False,
)

slot = Table(
    "slot",
    metadata,
    Column("initiative", BigInteger, primary_key=True),
    Column("nullifier", LargeBinary, primary_key=True),
    Column("slot", LargeBinary, nullable=False),  # sequence and hash, as the box stored them
    sqlite_with_rowid=False,
)

tally = Table(
    "tally",
    metadata,
    Column("initiative", BigInteger, primary_key=True, autoincrement=False),
    Column("counted", Integer, nullable=False),
    Column("valid", Integer, nullable=False),
    Column("blank", Integer, nullable=False),
    Column("nulls", Integer, nullable=False),
    Column("own_device", Integer, nullable=False),
    Column("assisted", Integer, nullable=False),
    Column("totals", Text, nullable=False),  # with commas
    Column("accumulator", LargeBinary, nullable=False),
    Column("result_hash", LargeBinary),
)

report = Table(
    "report",
    metadata,
    Column("initiative", BigInteger, primary_key=True),
    Column("option", Integer, primary_key=True),
    Column("id", Integer, primary_key=True),
    Column("block", BigInteger, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("share_done", Integer, nullable=False),  # basis points
    Column("spent", Text, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("erasure", Text),
    Index("report_content", "content_hash"),
    _erased("report_erased"),
    sqlite_with_rowid=False,
)

attestation = Table(
    "attestation",
    metadata,
    Column("initiative", BigInteger, primary_key=True),
    Column("entity", BigInteger, primary_key=True),
    Column("result_hash", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

PROJECTIONS = tuple(table for table in metadata.sorted_tables if table not in (*RAW, origin))
OF_INITIATIVE = (area, word, leaf, registrar, proposal, slot, tally, attestation, report, rules)
