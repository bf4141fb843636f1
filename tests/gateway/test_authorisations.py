# SPDX-License-Identifier: AGPL-3.0-or-later
"""Authorisations at an issuer: log-in, tokens for one act, and what an attacker may try with either."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from protocol.evidence import content_hash
from protocol.types import InitiativeId
from tests.gateway.browser import Browser, browser
from tests.gateway.consortium import Consortium, landed, problem
from tests.gateway.provider import Provider

BEGIN = "/v1/authorisations"


@pytest.fixture
def provider(consortium: Consortium) -> Iterator[Provider]:
    consortium.provider.reset()
    yield consortium.provider
    consortium.provider.reset()


@pytest.fixture
def citizen(consortium: Consortium, provider: Provider) -> Iterator[Browser]:
    with browser(consortium).client as client:
        yield Browser(consortium, client, consortium.served["A"].url)


@pytest.fixture(scope="module")
def initiative(consortium: Consortium) -> InitiativeId:
    return consortium.initiative()


def act(initiative: int, purpose: str = "registration", **changes: Any) -> dict[str, Any]:
    """An authorisation's body for one act."""
    bound = {"content_hash": "0x" + "11" * 32} if purpose == "proposal" else {"commitment": str(secrets.randbits(250))}
    return {"purpose": purpose, "initiative": initiative, "salt": "0x" + secrets.token_hex(32), **bound, **changes}


def registers(consortium: Consortium, initiative: int, name: str = "A", **body: Any) -> httpx.Response:
    return consortium.clients[name].post(f"/v1/initiatives/{initiative}/registrations", json=body)


# Log-in


def test_the_profile_is_refused_without_a_log_in(consortium: Consortium) -> None:
    problem(consortium.clients["A"].get("/v1/profile"), 401, "not-logged-in")


def test_a_log_in_opens_a_session_and_a_log_out_ends_it(citizen: Browser, provider: Provider) -> None:
    answer = citizen.log_in()

    assert answer.json()["status"] == "complete"
    assert answer.json()["purpose"] == "session"
    shown = citizen.get("/v1/profile")
    assert shown.json()["issuer"] == provider.iss
    assert shown.json()["level"] == "substantial"
    assert shown.json()["attributes"] == {"acr": "substantial", "residence": "PT-1106", "birthdate": "1990-01-01"}
    assert shown.headers["cache-control"] == "no-store"
    (kept,) = [cookie for cookie in citizen.client.cookies.jar if cookie.path == "/v1/profile"]
    assert citizen.delete("/v1/profile").status_code == 204
    problem(citizen.get("/v1/profile"), 401, "not-logged-in")
    stolen = {"Cookie": f"{kept.name}={kept.value}"}
    problem(citizen.client.get("/v1/profile", headers=stolen), 401, "session-ended")


def test_who_logs_out_everywhere_ends_a_stolen_session_too(
    citizen: Browser, consortium: Consortium, provider: Provider
) -> None:
    with browser(consortium).client as one, browser(consortium).client as two:
        stolen, neighbour = Browser(consortium, one, citizen.origin), Browser(consortium, two, citizen.origin)
        stolen.log_in()
        provider.person = "bela"
        neighbour.log_in()
        provider.person = "ana"
        citizen.log_in()
        assert citizen.delete("/v1/profile?everywhere=true").status_code == 204
        problem(stolen.get("/v1/profile"), 401, "session-ended")
        assert neighbour.get("/v1/profile").status_code == 200


def test_the_request_has_PKCE_and_fresh_secrets_each_time(citizen: Browser, provider: Provider) -> None:
    citizen.log_in()
    citizen.log_in()

    for asked in provider.asked:
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["code_challenge"]) == len(asked["nonce"]) == len(asked["state"]) == 43
        assert asked["redirect_uri"] == f"{citizen.origin}/v1/authorisations/callback"
    for name in ("state", "nonce", "code_challenge"):
        assert len({asked[name] for asked in provider.asked}) == 2
    assert provider.redeemed[0] == {"client_id": "urna", "authorization": None}


def test_a_stronger_log_in_can_be_asked_for(citizen: Browser, provider: Provider) -> None:
    citizen.consent(citizen.begin(level="substantial")["url"])
    assert provider.asked[0]["acr_values"].split() == ["substantial", "high"]


def test_P1_cookies_go_to_no_address_where_ballots_are_cast(
    citizen: Browser, consortium: Consortium, initiative: InitiativeId
) -> None:
    """A browser that just logged in votes without a cookie, though nobody told it to leave them out (P1)."""
    citizen.begin()
    answer = citizen.log_in()

    cookies = [value for name, value in answer.headers.multi_items() if name == "set-cookie"]
    sessions = [each for each in cookies if each.startswith("urna-session=")]
    assert sorted(each.partition("Path=")[2].partition(";")[0] for each in sessions) == [
        "/v1/back-office",
        "/v1/profile",
    ]
    assert all("HttpOnly" in each and "SameSite=strict" in each for each in sessions)
    assert citizen.get("/v1/profile").status_code == 200
    cast = citizen.post(f"/v1/initiatives/{initiative}/ballots", {"entry": "0x00"})
    assert "cookie" not in cast.request.headers
    problem(cast, 422, "malformed-ballot")


# Tokens for one act


def test_a_registration_by_its_own_authorisation_ends_as_a_leaf(
    citizen: Browser, consortium: Consortium, initiative: InitiativeId, provider: Provider
) -> None:
    provider.person = "beatriz"
    body = act(initiative)
    token = citizen.token(**body)

    answer = registers(
        consortium, initiative, "B", id_token=token, commitment=body["commitment"], salt=body["salt"]
    )  # at another member's gateway

    assert answer.status_code == 202, answer.text
    status = landed(consortium.clients["B"], f"/v1/registrations/{answer.json()['registration']}")
    assert status["status"] == "final"


def test_a_replacement_and_a_proposal_have_authorisations_of_their_own(
    citizen: Browser, consortium: Consortium, initiative: InitiativeId, provider: Provider
) -> None:
    provider.person = "cristina"
    body = act(initiative)
    answer = registers(
        consortium, initiative, id_token=citizen.token(**body), commitment=body["commitment"], salt=body["salt"]
    )
    landed(consortium.clients["A"], f"/v1/registrations/{answer.json()['registration']}")
    consortium.await_current()

    new = act(initiative, "replacement")
    given = {"commitment": new["commitment"], "salt": new["salt"]}
    path = f"/v1/initiatives/{initiative}/replacements"
    replaced = consortium.clients["A"].post(path, json={"id_token": citizen.token(**new), **given})
    assert replaced.status_code == 202, replaced.text

    content, content_salt = {"title": "Um banco"}, secrets.token_bytes(32)
    proposal = act(initiative, "proposal", content_hash="0x" + content_hash(content, content_salt).hex())
    submitted = consortium.clients["A"].post(
        f"/v1/initiatives/{initiative}/proposals",
        json={
            "id_token": citizen.token(**proposal),
            "content": content,
            "content_salt": "0x" + content_salt.hex(),
            "salt": proposal["salt"],
        },
    )
    assert submitted.status_code == 202, submitted.text


def test_J4_a_sessions_token_registers_nobody(
    citizen: Browser, consortium: Consortium, initiative: InitiativeId, provider: Provider
) -> None:
    citizen.log_in()
    (token,) = provider.tokens
    given = {"commitment": "7", "salt": "0x" + "00" * 32}
    for salt in ("0x" + "00" * 32, "0x" + secrets.token_hex(32)):
        answer = registers(consortium, initiative, id_token=token, **{**given, "salt": salt})
        problem(answer, 401, "token-nonce")
    path = f"/v1/initiatives/{initiative}/replacements"
    problem(consortium.clients["A"].post(path, json={"id_token": token, **given}), 401, "token-nonce")


def test_J4_a_log_in_takes_nothing_that_could_be_bound(citizen: Browser, initiative: InitiativeId) -> None:
    """Else a page could have somebody who logs in register its commitment."""
    for name, value in act(initiative).items():
        if name != "purpose":
            answer = citizen.post(BEGIN, {"purpose": "session", "issuer": citizen.consortium.iss, name: value})
            problem(answer, 400, "malformed-request")
    problem(
        citizen.post(BEGIN, {"purpose": "session", "issuer": citizen.consortium.iss, "nonce": "n" * 43}),
        400,
        "malformed-request",
    )


def test_J4_a_registrations_token_opens_no_session(
    citizen: Browser, provider: Provider, initiative: InitiativeId
) -> None:
    answer = citizen.log_in(**act(initiative))

    assert answer.status_code == 200
    assert not any("urna-session" in each for each in answer.headers.get_list("set-cookie"))
    problem(citizen.get("/v1/profile"), 401, "not-logged-in")
    # And the issuer cannot pass it off as a log-in's.
    (nonce,) = [asked["nonce"] for asked in provider.asked]
    provider.nonce = nonce
    problem(citizen.log_in(), 401, "token-nonce")


def test_a_token_is_handed_out_once_and_to_its_browser_alone(
    citizen: Browser, consortium: Consortium, initiative: InitiativeId
) -> None:
    begun = citizen.begin(**act(initiative))
    citizen.client.get(citizen.consent(begun["url"]))
    path = f"{BEGIN}/{begun['authorisation']}/token"

    with browser(consortium).client as client:
        problem(Browser(consortium, client, citizen.origin).post(path), 404, "unknown-record")
    problem(citizen.post(path, Origin="https://evil.example"), 403, "cross-site")
    (cookie,) = [each for each in citizen.client.cookies.jar if "authorisation" in each.name]
    headers = {"Cookie": f"{cookie.name}={cookie.value}", "Origin": citizen.origin}

    def fetch(_: int) -> int:
        return httpx.post(citizen.origin + path, headers=headers, trust_env=False).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(fetch, range(8))) == [200] + [404] * 7


def test_a_log_ins_token_is_never_handed_out(citizen: Browser) -> None:
    begun = citizen.begin()
    citizen.client.get(citizen.consent(begun["url"]))
    problem(citizen.post(f"{BEGIN}/{begun['authorisation']}/token"), 404, "unknown-record")


def test_a_citizen_is_not_sent_to_the_issuer_in_vain(
    citizen: Browser, consortium: Consortium, initiative: InitiativeId
) -> None:
    def refused(status: int, code: str, **body: Any) -> None:
        problem(citizen.post(BEGIN, {"issuer": consortium.iss, **body}), status, code)

    refused(404, "unknown-initiative", **act(999))
    refused(422, "invalid-commitment", **act(initiative, commitment="0"))
    refused(422, "invalid-commitment", **act(initiative, commitment=str(2**255)))
    refused(422, "unknown-issuer", **act(initiative, issuer="https://elsewhere.example"))
    for missing in ("salt", "commitment", "initiative"):
        refused(400, "malformed-request", **{**act(initiative), missing: None})
    refused(400, "malformed-request", **act(initiative, content_hash="0x" + "11" * 32))
    refused(400, "malformed-request", **act(initiative, "proposal", commitment="1"))


# What an attacker may try


def test_login_CSRF_another_browsers_answer_opens_no_session_here(citizen: Browser, consortium: Consortium) -> None:
    """An attacker's log-in, finished by the attacker at the issuer, does not land in the victim's browser."""
    with browser(consortium).client as client:
        victim = Browser(consortium, client, citizen.origin)
        landing = citizen.consent(citizen.begin()["url"])
        before = len(consortium.provider.redeemed)
        problem(victim.client.get(landing), 400, "authorisation-unknown")
        assert len(consortium.provider.redeemed) == before, "the code went to the issuer"
        problem(victim.get("/v1/profile"), 401, "not-logged-in")
    assert citizen.client.get(landing).status_code == 200, "another browser cannot spend it"


def test_code_injection_a_code_of_another_authorisation_is_refused(citizen: Browser, consortium: Consortium) -> None:
    """The victim's code, put into the attacker's own answer: PKCE binds it to the victim's request."""
    stolen = parse_qs(urlsplit(citizen.consent(citizen.begin()["url"])).query)["code"][0]
    with browser(consortium).client as client:
        attacker = Browser(consortium, client, citizen.origin)
        own = parse_qs(urlsplit(attacker.consent(attacker.begin()["url"])).query)
        answer = client.get(
            f"{BEGIN}/callback", params={"state": own["state"][0], "iss": own["iss"][0], "code": stolen}
        )
        problem(answer, 400, "issuer-refused")
        problem(attacker.get("/v1/profile"), 401, "not-logged-in")


def test_an_answer_counts_once(citizen: Browser, provider: Provider) -> None:
    landing = citizen.consent(citizen.begin()["url"])
    (cookie,) = citizen.client.cookies.jar
    headers = {"Cookie": f"{cookie.name}={cookie.value}"}

    def land(_: int) -> int:
        return httpx.get(landing, headers=headers, trust_env=False).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(land, range(8))) == [200] + [400] * 7
    assert len(provider.redeemed) == 1


def test_mix_up_an_answer_in_another_issuers_name_is_refused(citizen: Browser, provider: Provider) -> None:
    provider.answer_iss = "https://other.example"
    problem(citizen.log_in(), 400, "issuer-refused")
    assert provider.redeemed == [], "the code went to the issuer"


def test_mix_up_an_issuer_that_names_itself_must_do_so(citizen: Browser, provider: Provider) -> None:
    landing = urlsplit(citizen.consent(citizen.begin()["url"]))
    without = "&".join(part for part in landing.query.split("&") if not part.startswith("iss="))
    problem(citizen.client.get(f"{landing.path}?{without}"), 400, "issuer-refused")
    assert provider.redeemed == []


def test_a_token_with_another_nonce_is_refused(citizen: Browser, provider: Provider) -> None:
    provider.nonce = "n" * 43
    problem(citizen.log_in(), 401, "token-nonce")
    problem(citizen.get("/v1/profile"), 401, "not-logged-in")


@pytest.mark.parametrize(
    "answer",
    [
        lambda token: JSONResponse({"access_token": "x"}),
        lambda token: JSONResponse([token]),
        lambda token: JSONResponse({"id_token": {"a": token}}),
        lambda token: Response("[" * 60_000, media_type="application/json"),
        lambda token: Response("no", media_type="application/json"),
        lambda token: RedirectResponse("https://elsewhere.example/token", status_code=307),
        lambda token: JSONResponse({"error": "invalid_grant", "id_token": token}, status_code=400),
    ],
)
def test_an_issuer_that_answers_anything_else_is_refused(citizen: Browser, provider: Provider, answer: Any) -> None:
    provider.token_answer = answer
    problem(citizen.log_in(), 400, "issuer-refused")


@pytest.mark.parametrize(
    "answer",
    [
        lambda token: JSONResponse({"id_token": token, "more": "x" * 70_000}),
        lambda token: JSONResponse({"error": "server_error"}, status_code=503),
    ],
)
def test_G10_an_issuer_out_of_order_is_a_503(citizen: Browser, provider: Provider, answer: Any) -> None:
    provider.token_answer = answer
    problem(citizen.log_in(), 503, "issuer-unavailable")
    provider.token_answer = None
    assert citizen.log_in().status_code == 200


def test_a_forged_token_is_refused(citizen: Browser, provider: Provider) -> None:
    def forged(token: str) -> Response:
        claims = jwt.decode(token, options={"verify_signature": False})
        return JSONResponse({"id_token": jwt.encode(claims, "k" * 32, algorithm="HS256")})

    provider.token_answer = forged
    problem(citizen.log_in(), 401, "token-algorithm")


def test_who_breaks_off_at_the_issuer_is_told_so(citizen: Browser, provider: Provider) -> None:
    provider.error = "access_denied"
    problem(citizen.log_in(), 403, "authorisation-denied")
    landing = citizen.log_in(return_to="/entrar").headers["location"]
    assert landing.startswith(f"{citizen.origin}/entrar#authorisation=")
    assert landing.endswith("&error=authorisation-denied")


def test_the_browser_comes_back_to_its_page(citizen: Browser, initiative: InitiativeId) -> None:
    begun = citizen.begin(return_to="/votar?passo=2", **act(initiative))
    answer = citizen.client.get(citizen.consent(begun["url"]))

    assert answer.status_code == 303
    assert answer.headers["location"] == f"{citizen.origin}/votar?passo=2#authorisation={begun['authorisation']}"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    token = citizen.post(f"{BEGIN}/{begun['authorisation']}/token")
    assert token.status_code == 200
    assert token.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/a\r\nSet-Cookie: a=b",
        "/a#b",
        "/a b",
        "javascript:alert(1)",
        "evil",
        "",
        "/" + "a" * 512,
    ],
)
def test_an_open_redirect_is_refused(citizen: Browser, address: str) -> None:
    body = {"purpose": "session", "issuer": citizen.consortium.iss, "return_to": address}
    problem(citizen.post(BEGIN, body), 400, "malformed-request")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_CSRF_other_sites_begin_nothing_and_end_nothing(citizen: Browser, headers: dict[str, str]) -> None:
    citizen.log_in()
    body = {"purpose": "session", "issuer": citizen.consortium.iss}
    if "Origin" not in headers:
        headers = {"Origin": citizen.origin, **headers}
    problem(citizen.client.post(BEGIN, json=body, headers=headers), 403, "cross-site")
    problem(citizen.client.delete("/v1/profile", headers=headers), 403, "cross-site")
    assert citizen.get("/v1/profile").status_code == 200
    problem(citizen.client.post(BEGIN, json=body), 403, "cross-site")


def test_two_cookies_of_one_name_are_none(citizen: Browser) -> None:
    """A neighbouring subdomain may set one as well: then neither is believed."""
    citizen.log_in()
    (cookie,) = [each for each in citizen.client.cookies.jar if each.path == "/v1/profile"]
    both = {"Cookie": f"{cookie.name}={'A' * 43}; {cookie.name}={cookie.value}"}
    problem(httpx.get(f"{citizen.origin}/v1/profile", headers=both, trust_env=False), 401, "not-logged-in")


def test_G10_an_issuer_that_hangs_holds_up_nobody_else(
    citizen: Browser, consortium: Consortium, provider: Provider
) -> None:
    landings = []
    browsers = [browser(consortium) for _ in range(12)]
    for one in browsers:
        landings.append(one.consent(one.begin()["url"]))
    provider.hang = threading.Event()
    try:
        with ThreadPoolExecutor(12) as pool:
            answers = [pool.submit(one.client.get, landing) for one, landing in zip(browsers, landings, strict=True)]
            shown = consortium.clients["A"].get("/v1/initiatives")
            for answer in answers:
                problem(answer.result(), 503, "issuer-unavailable")
        assert shown.status_code == 200
    finally:
        provider.hang.set()
        for one in browsers:
            one.client.close()


def test_B5_nobody_is_sent_to_the_issuer_after_the_close(citizen: Browser, consortium: Consortium) -> None:
    over = consortium.initiative()
    consortium.town.until(consortium.windows(over).registrationCloses)
    consortium.await_current()
    for purpose in ("registration", "proposal"):
        problem(citizen.post(BEGIN, {"issuer": consortium.iss, **act(over, purpose)}), 409, "wrong-phase")
    assert citizen.begin(**act(over, "replacement"))["url"]
