# SPDX-License-Identifier: AGPL-3.0-or-later
"""Member to member: who is believed (K2), hostile batches, and registrars that lie, fail, hang or are away."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from gateway.members import breaker as breaker_module
from gateway.members import peers as peers_module
from gateway.members.asking import Refusal, body_of
from gateway.members.breaker import Breaker, Counts
from gateway.members.peers import NotSigned, Peers, Shortfall
from gateway.members.registrar import Claim, submission_id
from gateway.problems import OutOfScope
from node import member_auth
from node.keys import Key, Signer, new_account_secret
from protocol import eip712
from protocol.evidence import content_hash, evidence_root
from protocol.types import Commitment, EntityId, Hash32, InitiativeId, Role, Tag
from tests.gateway.consortium import Consortium, landed, problem, until

COSIGN = "/members/cosign/registrations"


@pytest.fixture(scope="module")
def initiative(consortium: Consortium) -> InitiativeId:
    return consortium.initiative()


def batch(
    consortium: Consortium, initiative: InitiativeId, *subjects: str
) -> tuple[eip712.RegistrationBatch, list[Claim]]:
    """A good batch as gateway A would ask B to sign it."""
    registrar = consortium.gateways["A"].services.registrar
    claims = []
    for subject in subjects:
        body = consortium.registration(initiative, subject)
        salt = bytes.fromhex(body["salt"][2:])
        claims.append(Claim(body["id_token"], salt, commitment=Commitment(int(body["commitment"]))))
    commitments = tuple(claim.commitment for claim in claims if claim.commitment is not None)
    message = eip712.RegistrationBatch(
        initiative=initiative,
        batch_id=Hash32(secrets.token_bytes(32)),
        valid_until=consortium.town.now() + 3600,
        tags=tuple(registrar.elector(initiative, claim) for claim in claims),
        commitments=commitments,
        evidence_root=evidence_root([claim.token for claim in claims]),
    )
    return message, claims


def ask(
    consortium: Consortium,
    body: bytes,
    *,
    key: Signer | None = None,
    entity: int = 1,
    audience: int = 2,
    now: float | None = None,
    headers: dict[str, str] | None = None,
    path: str = COSIGN,
) -> httpx.Response:
    """A request to B, signed by A's gateway unless told otherwise."""
    signer = key or consortium.town.members["A"].folder.key(Role.GATEWAY)
    if headers is None:
        headers = member_auth.sign(
            signer, entity=entity, audience=audience, method="POST", path=path, body=body, now=now
        )
    return consortium.clients["B"].post(path, content=body, headers={**headers, "Content-Type": "application/json"})


def test_a_good_batch_is_signed_by_the_registrars_account(consortium: Consortium, initiative: InitiativeId) -> None:
    message, claims = batch(consortium, initiative, "ana", "bela")
    answer = ask(consortium, body_of(message, claims))

    assert answer.status_code == 200, answer.text
    signature = bytes.fromhex(answer.json()["signature"][2:])
    digest = consortium.gateways["A"].services.registrar.digest(message)
    assert eip712.recover(digest, signature) == consortium.view().registrar_account(EntityId(2))


def test_who_is_no_member_is_refused_first(consortium: Consortium, initiative: InitiativeId) -> None:
    message, claims = batch(consortium, initiative, "ana")
    body = body_of(message, claims)
    stranger = Key(new_account_secret())
    key = consortium.town.members["A"].folder.key(Role.GATEWAY)
    signed = member_auth.sign(key, entity=1, audience=2, method="POST", path=COSIGN, body=body)
    cases: dict[str, Callable[[], httpx.Response]] = {
        "missing-signature": lambda: ask(consortium, body, headers={}),
        "malformed-signature": lambda: ask(consortium, body, headers={**signed, member_auth.SIGNATURE: "0x00"}),
        "unknown-account": lambda: ask(consortium, body, key=stranger),
        "stale-timestamp": lambda: ask(consortium, body, now=time.time() - 120),
    }
    for reason, send in cases.items():
        assert problem(send(), 401, "member-signature")["reason"] == reason
    for role in (Role.MEMBER, Role.PUBLISHER, Role.TRUSTEE):
        other_key = consortium.town.members["A"].folder.key(role)
        assert problem(ask(consortium, body, key=other_key), 401, "member-signature")["reason"] == "wrong-role"
    elsewhere = {**signed, "Host": f"127.0.0.1{COSIGN}#"}  # would read as the signed path in `request.url`
    for other in (
        ask(consortium, body, headers=elsewhere, path="/members/cosign/submissions"),
        ask(consortium, body, audience=3),  # meant for another
        ask(consortium, body, entity=3),  # in another's name
        ask(consortium, body.replace(b"0x", b"0x", 1) + b" ", headers=signed),  # another body
        ask(consortium, body, headers=signed, path="/members/cosign/submissions"),  # another call
    ):
        problem(other, 401, "member-signature")
    assert problem(ask(consortium, b'{"x": 1}', headers={}), 401, "member-signature")
    assert ask(consortium, body, headers=signed).status_code == 200
    assert problem(ask(consortium, body, headers=signed), 401, "member-signature")["reason"] == "replayed-nonce"


def test_K1_a_submission_is_signed_under_its_one_id_alone(consortium: Consortium, initiative: InitiativeId) -> None:
    """A registrar that brought an author's text again under fresh ids would use up the author's limit."""
    registrar = consortium.gateways["A"].services.registrar
    hashed = content_hash({"title": "a bench"}, bytes(32))
    body = consortium.proposal(initiative, "autora", {"title": "a bench"}, hashed, bytes(32))
    claim = Claim(body["id_token"], bytes.fromhex(body["salt"][2:]), content_hash=hashed)
    tag = registrar.author(initiative, claim)
    message = eip712.Submission(
        initiative=initiative,
        batch_id=submission_id(tag, hashed),
        valid_until=consortium.town.now() + 3600,
        author_tag=tag,
        content_hash=hashed,
        evidence_root=evidence_root([claim.token]),
    )
    path = "/members/cosign/submissions"

    assert ask(consortium, body_of(message, [claim]), path=path).status_code == 200
    again = replace(message, batch_id=Hash32(secrets.token_bytes(32)))
    problem(ask(consortium, body_of(again, [claim]), path=path), 400, "malformed-request")


def test_strangers_do_not_bring_large_bodies(consortium: Consortium) -> None:
    problem(ask(consortium, b"[" + b" " * 200_000 + b"]", headers={}), 413, "too-large")
    problem(ask(consortium, b" " * (2 * 1024 * 1024 + 1)), 413, "too-large")


def test_hostile_batches_are_not_signed(consortium: Consortium, initiative: InitiativeId) -> None:
    message, claims = batch(consortium, initiative, "carla", "duarte")
    other = consortium.initiative()
    twice = replace(
        message,
        tags=message.tags[:1] * 2,
        commitments=message.commitments[:1] * 2,
        evidence_root=evidence_root([claims[0].token] * 2),
    )
    cases: list[tuple[eip712.RegistrationBatch, list[Claim], int, str]] = [
        (replace(message, tags=(message.tags[0], Tag(bytes(32)))), claims, 400, "malformed-request"),
        (replace(message, tags=message.tags[::-1]), claims, 400, "malformed-request"),
        (replace(message, tags=message.tags[:1]), claims, 400, "malformed-request"),
        (replace(message, commitments=(*message.commitments[:1], Commitment(7))), claims, 401, "token-nonce"),
        (replace(message, evidence_root=Hash32(bytes(32))), claims, 400, "malformed-request"),
        (replace(message, valid_until=message.valid_until + 86_400), claims, 400, "malformed-request"),
        (twice, claims[:1] * 2, 400, "malformed-request"),
        (message, claims[:1], 400, "malformed-request"),
        (replace(message, initiative=other), claims, 401, "token-nonce"),
        (replace(message, initiative=InitiativeId(999)), claims, 404, "unknown-initiative"),
        (message, [claims[0], replace(claims[1], token="x.y.z")], 401, "token-malformed"),
    ]
    for changed, brought, status, code in cases:
        problem(ask(consortium, body_of(changed, brought)), status, code)
    assert ask(consortium, body_of(message, claims)).status_code == 200


def test_a_person_out_of_scope_spoils_the_batch_that_names_it(consortium: Consortium, initiative: InitiativeId) -> None:
    """A's registrar would not, so the batch is made by hand."""
    message, claims = batch(consortium, initiative, "elsa")
    body = consortium.registration(initiative, "filipe", residence="PT-0101")
    claim = Claim(body["id_token"], bytes.fromhex(body["salt"][2:]), commitment=Commitment(int(body["commitment"])))
    changed = replace(
        message,
        tags=(*message.tags, Tag(b"\x01" * 32)),
        commitments=(*message.commitments, Commitment(int(body["commitment"]))),
        evidence_root=evidence_root([claims[0].token, claim.token]),
    )
    assert problem(ask(consortium, body_of(changed, [*claims, claim])), 403, "out-of-scope")["index"] == 1


def test_oversized_batches_are_refused_before_any_token_is_looked_at(
    consortium: Consortium, initiative: InitiativeId
) -> None:
    message, claims = batch(consortium, initiative, "gil")
    document = json.loads(body_of(message, claims))
    for name in ("tags", "commitments", "persons"):
        document[name] = document[name] * 201
    problem(ask(consortium, json.dumps(document).encode()), 400, "malformed-request")


# Registrars that do not do as they should

Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


@contextmanager
def impostor(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer(self, self.rfile.read(int(self.headers["content-length"])))

        def log_message(self, format: str, *args: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def reply(status: int, body: bytes) -> Answer:
    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        handler.send_response(status)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def drip(handler: BaseHTTPRequestHandler, request: bytes) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(100):
            handler.wfile.write(b" ")
            time.sleep(0.1)
    except OSError:
        return


def flood(handler: BaseHTTPRequestHandler, request: bytes) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" " * 65_536)
    except OSError:
        return


def signature_by(key: Key, entity: int) -> Answer:
    body = json.dumps({"entity": entity, "signature": "0x" + key.sign_digest(b"\x01" * 32).hex()}).encode()
    return reply(200, body)


FAULTS: dict[str, Answer] = {
    "a signature by nobody": signature_by(Key(new_account_secret()), 2),
    "another entity's name": signature_by(Key(new_account_secret()), 3),
    "no signature": reply(200, json.dumps({"entity": 2, "signature": "0x00"}).encode()),
    "status 500": reply(500, b"oops"),
    "status 429": reply(429, b"{}"),
    "a redirect": reply(307, b""),
    "no JSON": reply(200, b"<html>"),
    "a list": reply(200, b"[]"),
    "a refusal that is none": reply(400, b"[1]"),
    "a refusal too deep to read": reply(400, b"[" * 60_000),
    "a drip": drip,
    "a flood": flood,
}


def gather(consortium: Consortium, initiative: InitiativeId, monkeypatch: Any, urls: dict[int, str]) -> Any:
    """What A gathers where the registrars in `urls` answer from somewhere else."""
    services = consortium.gateways["A"].services
    truly = services.view.endpoint
    monkeypatch.setattr(services.view, "endpoint", lambda entity: urls.get(entity) or truly(entity))
    peers = Peers(services.registrar, services.view, consortium.town.members["A"].folder.key(Role.GATEWAY), 0.5)
    try:
        return peers.gather(*batch(consortium, initiative, secrets.token_hex(4)))
    finally:
        peers.close()
        monkeypatch.undo()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_registrar_that_fails_is_passed_over(
    consortium: Consortium, initiative: InitiativeId, monkeypatch: pytest.MonkeyPatch, fault: Answer
) -> None:
    begun = time.monotonic()
    with impostor(fault) as url:
        signatures = gather(consortium, initiative, monkeypatch, {2: url})
    assert [entity for entity, _ in signatures] == [1, 3]
    assert time.monotonic() - begun < 8


def test_one_that_failed_is_not_asked_again_at_once(
    consortium: Consortium, initiative: InitiativeId, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def count(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        asked.append(handler.path)
        reply(500, b"")(handler, request)

    monkeypatch.setattr(breaker_module, "FIRST_PAUSE", 60.0)
    services = consortium.gateways["A"].services
    peers = Peers(services.registrar, services.view, consortium.town.members["A"].folder.key(Role.GATEWAY), 0.5)
    truly = services.view.endpoint
    with impostor(count) as url:
        monkeypatch.setattr(services.view, "endpoint", lambda entity: url if entity == 2 else truly(entity))
        for _ in range(12):
            peers.gather(*batch(consortium, initiative, secrets.token_hex(4)))
    counts = peers.counts()
    peers.close()
    assert len(asked) == 1
    assert counts[EntityId(2)] == Counts(asked=1, silent=1)
    assert counts[EntityId(3)] == Counts(asked=12, signed=12)


def test_a_slow_one_is_overtaken_and_its_late_answer_is_counted(
    consortium: Consortium, initiative: InitiativeId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """k − 1 are asked at once; who keeps them waiting is not waited for."""
    services, go_on = consortium.gateways["A"].services, threading.Event()

    def hang(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        go_on.wait(20)
        reply(500, b"")(handler, request)

    key = consortium.town.members["A"].folder.key(Role.GATEWAY)
    monkeypatch.setattr(peers_module, "HEDGE", 0.1)
    truly = services.view.endpoint
    peers = Peers(services.registrar, services.view, key, 10.0)
    with impostor(hang) as url:
        monkeypatch.setattr(services.view, "endpoint", lambda entity: url if entity == 2 else truly(entity))
        begun = time.monotonic()
        for _ in range(6):
            signatures = peers.gather(*batch(consortium, initiative, secrets.token_hex(4)))
            assert [entity for entity, _ in signatures] == [1, 3]
        assert time.monotonic() - begun < 5
        assert 1 <= peers.counts()[EntityId(2)].asked <= 2  # more would only pile up
        go_on.set()
        until(lambda: peers.counts()[EntityId(2)].silent == peers.counts()[EntityId(2)].asked)
    peers.close()


def test_gathering_ends_in_time_whatever_registrars_do(
    consortium: Consortium, initiative: InitiativeId, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = time.monotonic()
    with impostor(drip) as one, impostor(drip) as other, pytest.raises(NotSigned) as caught:
        gather(consortium, initiative, monkeypatch, {2: one, 3: other})
    assert time.monotonic() - begun < 2.5
    assert caught.value.shortfall.silent == (2, 3)
    assert not caught.value.shortfall.is_final
    assert caught.value.detail == "1 of 2 registrars signed; no answer from entity 2, 3."


def test_refusals_are_told_and_fewer_than_k_is_an_error(
    consortium: Consortium, initiative: InitiativeId, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = json.dumps({"code": "out-of-scope", "detail": "No. " * 200}).encode()
    with impostor(reply(403, said)) as url, pytest.raises(NotSigned) as refused:
        gather(consortium, initiative, monkeypatch, {2: url, 3: "http://127.0.0.1:9"})

    assert [(one.entity, one.code) for one in refused.value.refusals] == [(2, "out-of-scope")]
    assert len(refused.value.refusals[0].detail) == 300
    assert "1 of 2 registrars signed" in refused.value.detail
    assert "No." not in refused.value.detail  # another member's text is not shown to citizens
    assert not refused.value.shortfall.is_final  # the third may sign yet


@pytest.mark.parametrize(
    ("threshold", "active", "codes", "final"),
    [
        (2, 3, ("out-of-scope",), False),
        (2, 3, ("out-of-scope", "token-expired"), True),
        (2, 3, ("out-of-scope", "member-signature"), False),  # the moment, not the person
        (2, 3, ("token-signature", "other"), False),
        (2, 2, ("out-of-scope",), True),
        (3, 3, ("known-person",), True),
        (2, 1, (), False),  # too few members are left: nobody's refusal
    ],
)
def test_a_refusal_is_final_where_the_others_could_not_make_up_k(
    threshold: int, active: int, codes: tuple[str, ...], final: bool
) -> None:
    refusals = tuple(Refusal(EntityId(2 + place), code, "") for place, code in enumerate(codes))
    assert Shortfall(threshold, active, 1, refusals, ()).is_final is final


def test_a_breaker_opens_asks_once_and_closes() -> None:
    now = 0.0
    breaker = Breaker(lambda: now)

    def fail(*, lying: bool = False) -> None:
        question = breaker.ask()
        assert question is not None
        breaker.failed(question, lying=lying)

    first, second = breaker.ask(), breaker.ask()
    assert first is not None
    assert second is not None
    assert breaker.ask() is None  # two under way are enough
    now = 0.4
    assert breaker.since() == 0.4
    breaker.failed(first, lying=False)
    breaker.failed(second, lying=False)  # together with the first: one failure
    for pause in (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
        now += pause - 0.01
        assert not breaker.is_ready()
        now += 0.02
        assert breaker.is_ready()
        fail(lying=True)
    now += 31
    probe = breaker.ask()
    assert probe is not None
    assert breaker.ask() is None  # half-open: one question
    breaker.refused(probe)
    assert breaker.is_ready()
    again = breaker.ask()
    assert again is not None
    breaker.signed(again)
    fail()
    now += 1.01
    assert breaker.is_ready()  # it began from the first pause again
    assert breaker.counts() == Counts(asked=12, signed=1, refused=1, silent=3, lying=7)


def test_one_registrars_refusal_fails_nobody_and_holds_up_nobody(
    consortium: Consortium, initiative: InitiativeId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B refuses one person of a batch. C signs; while C is away the person waits; where C refuses as well it fails."""
    client, path = consortium.clients["A"], f"/v1/initiatives/{initiative}/registrations"

    def dislike(name: str, commitment: str) -> None:
        registrar = consortium.gateways[name].services.registrar
        truly = registrar.elector

        def elector(initiative: InitiativeId, claim: Claim) -> Tag:
            if claim.commitment == int(commitment):
                raise OutOfScope("The initiative is not open to this person: residence.")
            return truly(initiative, claim)

        monkeypatch.setattr(registrar, "elector", elector)

    liked = consortium.registration(initiative, "vera")
    disliked = consortium.registration(initiative, "xavier")
    dislike("B", disliked["commitment"])
    consortium.stop("C")
    found = [client.post(path, json=body).json() for body in (liked, disliked)]
    status = f"/v1/registrations/{found[1]['registration']}"
    assert landed(client, f"/v1/registrations/{found[0]['registration']}")["status"] == "final"
    until(lambda: "refused by 1 of 3" in (client.get(status).json()["waiting"] or ""))
    waiting = client.get(status).json()
    assert (waiting["status"], waiting["problem"]) == ("accepted", None)
    assert waiting["waiting"] == (
        "1 of 2 registrars signed; refused by 1 of 3 (entity 2: out-of-scope); no answer from entity 3."
    )
    consortium.start("C")
    assert landed(client, status)["status"] == "final"

    third = consortium.registration(initiative, "zulmira")
    for name in "BC":
        dislike(name, third["commitment"])
    refused = landed(client, f"/v1/registrations/{client.post(path, json=third).json()['registration']}")
    assert refused["status"] == "failed"
    assert refused["problem"]["code"] == "refused-by-registrars"
    assert refused["problem"]["detail"].startswith("1 of 2 registrars signed; refused by 2 of 3 (entity ")
    assert "3: out-of-scope" in refused["problem"]["detail"]


def test_registrations_wait_for_registrars_that_are_away(
    consortium: Consortium, initiative: InitiativeId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """k unreachable: it stays accepted however long that takes, and lands when they are back."""
    for name in "BC":
        consortium.stop(name)
    client = consortium.clients["A"]
    path = f"/v1/initiatives/{initiative}"
    found = client.post(f"{path}/registrations", json=consortium.registration(initiative, "rita")).json()
    time.sleep(5)
    assert client.get(f"/v1/registrations/{found['registration']}").json()["status"] == "accepted"

    for name in "BC":
        consortium.start(name)
    assert landed(client, f"/v1/registrations/{found['registration']}")["status"] == "final"
