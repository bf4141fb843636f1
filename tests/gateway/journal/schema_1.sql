-- SPDX-License-Identifier: AGPL-3.0-or-later
-- A journal as the first version of the gateway wrote it, with something in every state. Never changed.
CREATE TABLE origin (chain BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE tx (
    id INTEGER PRIMARY KEY,
    lane TEXT NOT NULL,
    nonce INTEGER NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    raw BLOB NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('signed', 'sent', 'mined', 'final', 'failed')),
    block INTEGER,
    UNIQUE (lane, nonce)
);
CREATE TABLE submission (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('registration', 'replacement', 'proposal')),
    initiative INTEGER NOT NULL,
    key BLOB NOT NULL,
    body_hash BLOB NOT NULL,
    payload BLOB NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('accepted', 'signed', 'sent', 'mined', 'final', 'failed')),
    reason TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    tx INTEGER REFERENCES tx (id),
    UNIQUE (kind, initiative, key)
) WITHOUT ROWID;
CREATE INDEX submission_open ON submission (kind, initiative, attempts, id) WHERE status = 'accepted';
CREATE INDEX submission_tx ON submission (tx);
CREATE TABLE ballot (
    hash BLOB PRIMARY KEY,
    initiative INTEGER NOT NULL,
    entry BLOB NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('accepted', 'signed', 'sent', 'mined', 'final', 'failed')),
    reason TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    tx INTEGER REFERENCES tx (id)
) WITHOUT ROWID;
CREATE INDEX ballot_open ON ballot (initiative) WHERE status = 'accepted';
CREATE INDEX ballot_tx ON ballot (tx);
CREATE TABLE evidence (batch BLOB PRIMARY KEY, initiative INTEGER NOT NULL, token_hashes BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE content (hash BLOB PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;

INSERT INTO origin VALUES (CAST('a chain' AS BLOB));
INSERT INTO tx VALUES (1, 'lane-0', 0, x'01', x'f801', 'final', 7);
INSERT INTO tx VALUES (2, 'lane-0', 1, x'02', x'f802', 'sent', NULL);
INSERT INTO tx VALUES (5, 'lane-1', 0, x'03', x'f803', 'signed', NULL);
INSERT INTO submission VALUES ('aa', 'registration', 1, x'11', x'21', '{"id_token": "t", "salt": "00", "tag": "ab"}', 'accepted', 'WrongPhase', 1, NULL);
INSERT INTO submission VALUES ('bb', 'registration', 1, x'12', x'22', '{"tag": "ab"}', 'final', NULL, 0, 1);
INSERT INTO submission VALUES ('cc', 'proposal', 1, x'13', x'23', '{"tag": "ab"}', 'failed', 'known-person: registered with another commitment before', 0, NULL);
INSERT INTO submission VALUES ('dd', 'replacement', 1, x'14', x'24', '{"id_token": "t", "salt": "00", "tag": "ab"}', 'signed', NULL, 0, 5);
INSERT INTO ballot VALUES (x'31', 2, CAST(zeroblob(256) || zeroblob(31) || x'09' || x'00000001' || x'ff' AS BLOB), 'accepted', NULL, 0, NULL);
INSERT INTO ballot VALUES (x'32', 2, CAST(zeroblob(256) || zeroblob(31) || x'0a' || x'00000002' || x'ff' AS BLOB), 'sent', NULL, 0, 2);
INSERT INTO ballot VALUES (x'33', 2, CAST(zeroblob(256) || zeroblob(31) || x'0b' || x'00000003' || x'ff' AS BLOB), 'failed', 'the batch was refused by the contract', 4, NULL);
INSERT INTO ballot VALUES (x'34', 2, CAST(zeroblob(256) || zeroblob(31) || x'0c' || x'00000004' || x'ff' AS BLOB), 'signed', NULL, 0, 5);
INSERT INTO evidence VALUES (x'41', 1, x'4242');
INSERT INTO content VALUES (x'51', '{"content": {"title": "x"}}');
