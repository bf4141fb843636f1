# SPDX-License-Identifier: AGPL-3.0-or-later
"""Officers: invited, bound to an eID, with roles that hold from one request to the next."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from gateway.eid.tokens import Person
from gateway.journal import Journal, open_journal
from gateway.journal.tables import APPOINTMENT, INVITATION, OFFICER
from gateway.officers.appointments import Appointments
from gateway.officers.repository import Officers
from gateway.officers.roles import Officer, Role
from gateway.officers.service import INVITATION_LIFETIME, OfficerService
from gateway.problems import UnknownRecord
from gateway.sessions.problems import InvitationRefused, LastAdministrator, LevelTooLow, RoleMissing
from gateway.sessions.repository import Session, Sessions
from node import member_auth
from node.cli import main
from node.entity import EntityFolder
from protocol.types import Role as AccountRole
from tests.gateway.browser import Browser, browser
from tests.gateway.consortium import Consortium, problem

OFFICE = "/v1/back-office"
NOW = 1_800_000_000


@pytest.fixture
def journal(make_url: Callable[[], URL]) -> Iterator[Journal]:
    opened = open_journal(make_url(), b"test")
    yield opened
    opened.close()


class Clock:
    now = float(NOW)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def officers(journal: Journal, clock: Clock) -> OfficerService:
    return OfficerService(journal, Officers(journal), Appointments(journal, clock), Sessions(clock=clock), clock)


def session(subject: str, acr: str = "substantial", namespace: str = "https://eid") -> Session:
    person = Person("https://eid", namespace, subject, {"acr": acr})
    return Session(person, NOW, NOW + 3600, NOW + 900)


def appoint(officers: OfficerService, subject: str, *roles: Role) -> str:
    pseudonym, code, _ = officers.invite(None, subject.title(), roles)
    officers.accept(session(subject), code)
    return pseudonym


# The service, on both databases


def test_an_invitation_makes_its_bearer_an_officer_once(officers: OfficerService) -> None:
    pseudonym, code, expires = officers.invite(None, "Ana", [Role.EDITOR, Role.MODERATOR])
    assert expires == NOW + INVITATION_LIFETIME
    assert not officers.has_role("o-0", Role.EDITOR)

    accepted = officers.accept(session("ana"), f" {code.lower().replace('-', ' ')} ")

    assert accepted == Officer(pseudonym, "Ana", frozenset({Role.EDITOR, Role.MODERATOR}))
    assert officers.authorise(session("ana"), [Role.MODERATOR]) == accepted
    assert officers.has_role(pseudonym, Role.EDITOR)
    with pytest.raises(InvitationRefused):
        officers.accept(session("bela"), code)
    with pytest.raises(RoleMissing):
        officers.authorise(session("bela"))
    with pytest.raises(RoleMissing):
        officers.authorise(session("ana", namespace="https://other"))


def test_a_code_ends(officers: OfficerService, clock: Clock) -> None:
    _, code, expires = officers.invite(None, "Ana", [Role.EDITOR])
    clock.now = expires
    with pytest.raises(InvitationRefused):
        officers.accept(session("ana"), code)
    clock.now -= 1
    officers.accept(session("ana"), code)


def test_of_two_who_bring_one_code_one_is_the_officer(officers: OfficerService) -> None:
    _, code, _ = officers.invite(None, "Ana", [Role.EDITOR])

    def take(number: int) -> bool:
        try:
            officers.accept(session(f"p{number}"), code)
        except InvitationRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(8))) == 1


def test_one_person_is_one_officer(officers: OfficerService) -> None:
    appoint(officers, "ana", Role.EDITOR)
    _, code, _ = officers.invite(None, "Ana again", [Role.PUBLISHER])
    with pytest.raises(InvitationRefused, match="already"):
        officers.accept(session("ana"), code)
    assert officers.authorise(session("ana")).roles == {Role.EDITOR}
    officers.accept(session("bela"), code)  # the refusal did not use it up


def test_a_weak_log_in_is_no_officers(officers: OfficerService) -> None:
    _, code, _ = officers.invite(None, "Ana", [Role.EDITOR])
    for acr in ("low", "unknown"):
        with pytest.raises(LevelTooLow):
            officers.accept(session("ana", acr), code)
    officers.accept(session("ana", "high"), code)
    with pytest.raises(LevelTooLow):
        officers.authorise(session("ana", "low"))


def test_K1_each_role_is_for_its_own_work(officers: OfficerService) -> None:
    for role in Role:
        appoint(officers, role, role)
    for role in Role:
        for wanted in Role:
            if role is wanted:
                officers.authorise(session(role), [wanted])
            else:
                with pytest.raises(RoleMissing):
                    officers.authorise(session(role), [wanted])


def test_roles_hold_from_the_next_look_on(officers: OfficerService) -> None:
    pseudonym = appoint(officers, "ana", Role.EDITOR)
    assert officers.change(None, pseudonym, [Role.COSTER]).roles == {Role.COSTER}
    assert officers.authorise(session("ana"), [Role.COSTER]).roles == {Role.COSTER}
    with pytest.raises(RoleMissing):
        officers.authorise(session("ana"), [Role.EDITOR])
    officers.change(None, pseudonym, [])
    with pytest.raises(RoleMissing):
        officers.authorise(session("ana"))
    with pytest.raises(UnknownRecord):
        officers.change(None, "o-0000000000000000", [])


def test_a_revoked_invitation_is_void(officers: OfficerService) -> None:
    pseudonym, code, _ = officers.invite(None, "Ana", [Role.EDITOR])
    officers.change(None, pseudonym, [])
    with pytest.raises(InvitationRefused):
        officers.accept(session("ana"), code)


def test_an_administrator_remains_unless_the_operator_says_so(officers: OfficerService) -> None:
    first = appoint(officers, "ana", Role.ADMINISTRATOR)
    ana = officers.authorise(session("ana"))
    officers.invite(ana, "Bela", [Role.ADMINISTRATOR])  # not taken yet
    with pytest.raises(LastAdministrator):
        officers.change(ana, first, [])
    assert officers.authorise(session("ana")).roles == {Role.ADMINISTRATOR}, "the refusal changed nothing"
    officers.change(None, first, [])
    with pytest.raises(RoleMissing):
        officers.authorise(session("ana"))


def test_every_appointment_is_on_record(officers: OfficerService, journal: Journal) -> None:
    first = appoint(officers, "ana", Role.ADMINISTRATOR)
    ana = officers.authorise(session("ana"))
    second, _, _ = officers.invite(ana, "Bela", [Role.EDITOR, Role.COSTER])
    officers.change(ana, second, [])

    record = officers.appointments(0, 10)
    assert [(each.number, each.by, each.officer, each.change, each.roles) for each in record] == [
        (1, None, first, "invited", (Role.ADMINISTRATOR,)),
        (2, first, first, "accepted", (Role.ADMINISTRATOR,)),
        (3, first, second, "invited", (Role.COSTER, Role.EDITOR)),
        (4, first, second, "changed", ()),
    ]
    assert officers.appointments(3, 10) == record[3:]
    assert officers.first_fault() is None
    with journal.transaction() as db:
        db.execute(sa.update(APPOINTMENT).where(APPOINTMENT.c.number == 3).values(roles="publisher"))
    assert officers.first_fault() == 3


def test_a_missing_appointment_is_noticed(officers: OfficerService, journal: Journal) -> None:
    appoint(officers, "ana", Role.ADMINISTRATOR)
    appoint(officers, "bela", Role.EDITOR)
    with journal.transaction() as db:
        db.execute(sa.delete(APPOINTMENT).where(APPOINTMENT.c.number == 2))
    assert officers.first_fault() == 2


def test_a_code_is_not_in_the_journal(officers: OfficerService, journal: Journal) -> None:
    _, code, _ = officers.invite(None, "Ana", [Role.EDITOR])
    found = str([list(row) for table in (OFFICER, INVITATION, APPOINTMENT) for row in journal.read(sa.select(table))])
    assert code not in found
    assert code.replace("-", "") not in found


# Over HTTP


@pytest.fixture
def people(consortium: Consortium) -> Iterator[Callable[[str], Browser]]:
    """Somebody logged in at A, by name."""
    opened: list[Browser] = []

    def log_in(name: str, **claims: str) -> Browser:
        consortium.provider.person = name
        consortium.provider.claims = claims
        one = browser(consortium)
        opened.append(one)
        assert one.log_in().status_code == 200
        return one

    yield log_in
    consortium.provider.reset()
    for one in opened:
        one.client.close()


def cli(capsys: pytest.CaptureFixture[str], consortium: Consortium, *arguments: str, name: str = "A") -> Any:
    capsys.readouterr()
    code = main(["officer", *arguments, "--entity", str(consortium.folder / name), "--json"])
    found = json.loads(capsys.readouterr().out)
    return found if code == 0 else (code, found)


@pytest.mark.parametrize("path", ["/me", "/officers", "/appointments"])
def test_the_back_office_is_refused_without_a_log_in_and_without_a_role(
    consortium: Consortium, people: Callable[[str], Browser], path: str
) -> None:
    problem(consortium.clients["A"].get(OFFICE + path), 401, "not-logged-in")
    problem(people("nobody").get(OFFICE + path), 403, "role-missing")


def test_changes_are_refused_without_a_log_in(consortium: Consortium) -> None:
    client = consortium.clients["A"]
    for method, path, body in (
        ("POST", "/officers", {"name": "Eve", "roles": ["administrator"]}),
        ("PUT", "/officers/o-0000000000000000/roles", {"roles": ["administrator"]}),
        ("POST", "/invitations/accept", {"code": "A" * 24}),
    ):
        problem(client.request(method, OFFICE + path, json=body), 401, "not-logged-in")
    problem(client.get("/members/officers"), 401, "member-signature")


def test_from_the_first_administrator_to_a_revoked_editor(
    consortium: Consortium, people: Callable[[str], Browser], capsys: pytest.CaptureFixture[str]
) -> None:
    for known in cli(capsys, consortium, "list")["officers"]:  # of other tests at this gateway
        if "administrator" in known["roles"]:
            cli(capsys, consortium, "revoke", known["officer"])
    invited = cli(capsys, consortium, "invite", "--name", "Gabinete", "--role", "administrator")
    administrator = people("mario")
    assert administrator.post(f"{OFFICE}/invitations/accept", {"code": invited["code"]}).json()["roles"] == [
        "administrator"
    ]
    made = administrator.post(f"{OFFICE}/officers", {"name": "Ana", "roles": ["editor"]})
    assert made.status_code == 201
    editor = people("ana-the-editor")
    problem(editor.get(f"{OFFICE}/me"), 403, "role-missing")
    assert editor.post(f"{OFFICE}/invitations/accept", {"code": made.json()["code"]}).status_code == 200
    problem(editor.post(f"{OFFICE}/invitations/accept", {"code": made.json()["code"]}), 403, "invitation-refused")
    assert editor.get(f"{OFFICE}/me").json() == {
        "officer": made.json()["officer"],
        "name": "Ana",
        "roles": ["editor"],
        "bound": True,
    }
    problem(editor.get(f"{OFFICE}/officers"), 403, "role-missing")
    problem(editor.post(f"{OFFICE}/officers", {"name": "Eve", "roles": ["publisher"]}), 403, "role-missing")

    path = f"{OFFICE}/officers/{made.json()['officer']}/roles"
    evil = {"Origin": "https://evil.example"}
    problem(administrator.client.put(path, json={"roles": []}, headers=evil), 403, "cross-site")
    own = {"Origin": administrator.origin}
    assert administrator.client.put(path, json={"roles": ["coster"]}, headers=own).json()["roles"] == ["coster"]
    assert editor.get(f"{OFFICE}/me").json()["roles"] == ["coster"]
    administrator.client.put(path, json={"roles": []}, headers=own)
    problem(editor.get(f"{OFFICE}/me"), 401, "session-ended")

    listed = cli(capsys, consortium, "list")
    assert listed["first_fault"] is None
    roles = {each["officer"]: each["roles"] for each in listed["officers"]}
    assert roles[invited["officer"]] == ["administrator"]
    assert roles[made.json()["officer"]] == []
    record: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = administrator.get(f"{OFFICE}/appointments?limit=2&after={after}").json()
        record, after = record + page["appointments"], page["next"]
    assert [each["number"] for each in record] == list(range(1, len(record) + 1))
    own_record = [each for each in record if each["officer"] == invited["officer"]]
    assert [each["change"] for each in own_record] == ["invited", "accepted"]
    assert own_record[0]["by"] is None
    last = {"roles": ["editor"]}
    problem(
        administrator.client.put(f"{OFFICE}/officers/{invited['officer']}/roles", json=last, headers=own),
        409,
        "last-administrator",
    )
    granted = cli(capsys, consortium, "grant", invited["officer"], "--role", "publisher")
    assert granted["roles"] == ["administrator", "publisher"]
    assert cli(capsys, consortium, "revoke", invited["officer"])["roles"] == []
    problem(administrator.get(f"{OFFICE}/me"), 401, "session-ended")


def test_an_officers_log_in_is_substantial(consortium: Consortium, people: Callable[..., Browser]) -> None:
    weak = people("weak", acr="low")
    problem(weak.get(f"{OFFICE}/me"), 403, "level-too-low")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Ana", "roles": []},
        {"name": "Ana", "roles": ["king"]},
        {"name": "", "roles": ["editor"]},
        {"name": "a" * 81, "roles": ["editor"]},
        {"name": "Ana\n", "roles": ["editor"]},
        {"name": "Ana", "roles": ["editor"], "more": 1},
        {"name": "Ana", "roles": "editor"},
    ],
)
def test_an_invitation_of_another_form_is_refused(consortium: Consortium, body: dict[str, Any]) -> None:
    problem(signed(consortium, "A", AccountRole.MEMBER, "A", body), 400, "malformed-request")


def test_K1_only_the_entitys_own_member_account_invites(consortium: Consortium) -> None:
    body = {"name": "Eve", "roles": ["administrator"]}
    for role in AccountRole:
        if role is not AccountRole.MEMBER:
            problem(signed(consortium, "A", role, "A", body), 401, "member-signature")
    problem(signed(consortium, "B", AccountRole.MEMBER, "A", body), 401, "member-signature")
    assert signed(consortium, "A", AccountRole.MEMBER, "A", body).status_code == 201


def signed(consortium: Consortium, sender: str, role: AccountRole, to: str, body: dict[str, Any]) -> httpx.Response:
    content = json.dumps(body).encode()
    numbers = {name: member.entity for name, member in consortium.town.members.items()}
    headers = member_auth.sign(
        EntityFolder(consortium.folder / sender).key(role),
        entity=numbers[sender],
        audience=numbers[to],
        method="POST",
        path="/members/officers",
        body=content,
    )
    return consortium.clients[to].post(
        "/members/officers", content=content, headers={**headers, "Content-Type": "application/json"}
    )


def test_a_gateway_that_is_away_is_told(consortium: Consortium, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = cli(capsys, consortium, "list", "--gateway", "http://127.0.0.1:9")
    assert code == 3
    assert cli(capsys, consortium, "revoke", "o-0000000000000000")[0] == 1
