# SPDX-License-Identifier: AGPL-3.0-or-later
"""The development provider as its clients see it: real log-ins over HTTP, what it refuses, and what outlives a kill."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import jwt
import pytest

from node.eid import state
from node.eid.login import PersonLogin, ProviderAway
from node.eid.persons import Person
from node.oidc import flow
from node.oidc.discovery import discover
from node.oidc.flow import Client, FlowError
from tests.eid import CONFIDENTIAL, PUBLIC, Provider, running

NONCE = "n" * 43


def verified(provider: Provider, token: str, audience: str = PUBLIC.id) -> dict[str, Any]:
    keys = httpx.get(f"{provider.issuer}/jwks", trust_env=False).json()
    key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(token)["kid"]]
    return dict(jwt.decode(token, key, algorithms=["ES256"], audience=audience, issuer=provider.issuer))


def test_a_token_holds_what_a_registrar_needs_and_no_name(provider: Provider) -> None:
    claims = verified(provider, provider.token("ana", NONCE))

    assert claims["nonce"] == NONCE
    assert claims["acr"] == "high"
    assert claims["birthdate"] == "1984-03-12"
    assert claims["residence"] == ["PT-1106", "PT-110655"]
    assert (claims["nationality"], claims["employer"], claims["profession"]) == ("PT", "PT-500000001", "teacher")
    assert claims["exp"] - claims["iat"] == 300
    assert not {"name", "email"} & set(claims)
    assert "ana" not in claims["sub"]


def test_a_person_is_one_subject_at_every_member_and_two_persons_are_two(provider: Provider) -> None:
    public = verified(provider, provider.token("ana", NONCE))
    confidential = verified(provider, provider.token("ana", NONCE, CONFIDENTIAL), CONFIDENTIAL)

    assert public["sub"] == confidential["sub"]
    assert verified(provider, provider.token("bruno", NONCE))["sub"] != public["sub"]


@pytest.mark.parametrize(("person", "level"), [("filipe", "low"), ("bruno", "substantial"), ("carla", "high")])
def test_the_level_of_assurance_is_that_of_the_log_in(provider: Provider, person: str, level: str) -> None:
    assert verified(provider, provider.token(person, NONCE))["acr"] == level


def login(provider: Provider, client: Client | None = None) -> PersonLogin:
    return PersonLogin(provider.issuer, client or provider.client())


def test_a_session_is_used_again_unless_the_client_asks_for_more(provider: Provider) -> None:
    """Who comes back is not asked; `prompt=login`, `max_age` and a higher level ask again."""
    one, discovery = login(provider), discover(provider.issuer)
    with one.browser() as browser:
        one.choose(browser, flow.begin(discovery, PUBLIC, NONCE).url, "bruno")

        def asked(**options: Any) -> bool:
            response = browser.get(flow.begin(discovery, PUBLIC, NONCE, **options).url)
            return response.is_redirect and "/log-in/" in response.headers["location"]

        assert not asked()
        assert not asked(acr_values=["substantial"], max_age=3600)
        assert asked(prompt="login")
        assert asked(acr_values=["high"])
        assert asked(max_age=0)
    one.close()


def test_the_page_is_plain_html_in_two_languages(provider: Provider) -> None:
    pending = flow.begin(discover(provider.issuer), PUBLIC, NONCE, acr_values=["high"])
    with httpx.Client(follow_redirects=True, trust_env=False) as browser:
        portuguese = browser.get(pending.url)
        english = browser.get(pending.url, headers={"accept-language": "en-GB,en;q=0.9,pt;q=0.5"})
        wrong = browser.post(str(portuguese.url), data={"person": "nobody"})

    assert 'lang="pt"' in portuguese.text
    assert "Entrar como pessoa de teste" in portuguese.text
    assert 'lang="en"' in english.text
    assert "<script" not in portuguese.text + english.text
    assert re.search(r'<button name="person" value="ana">Ana Exemplo Marques</button>', portuguese.text)
    assert "default-src 'none'" in portuguese.headers["content-security-policy"]
    assert wrong.status_code == 422
    assert 'role="alert"' in wrong.text


def test_who_cancels_comes_back_with_an_error(provider: Provider) -> None:
    discovery = discover(provider.issuer)
    pending = flow.begin(discovery, PUBLIC, NONCE)
    with httpx.Client(trust_env=False) as browser:
        page = browser.get(pending.url).headers["location"]
        resumed = browser.post(provider.issuer + page, data={"cancel": "1"}).headers["location"]
        back = browser.get(resumed).headers["location"]

    with pytest.raises(FlowError) as refused:
        flow.code_of(discovery, pending.state, dict(parse_qsl(urlsplit(back).query)))
    assert refused.value.code == "access_denied"


@pytest.mark.parametrize(
    "change",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"redirect_uri": PUBLIC.redirect_uri + "/more"},
        {"redirect_uri": PUBLIC.redirect_uri.replace("127.0.0.1", "127.0.0.1:8080")},
        {"client_id": "somebody"},
        {"response_type": "id_token"},
        {"response_type": "code id_token"},
    ],
)
def test_requests_without_pkce_or_to_another_address_are_refused(
    provider: Provider, change: dict[str, str | None]
) -> None:
    url = urlsplit(flow.begin(discover(provider.issuer), PUBLIC, NONCE).url)
    query = {name: value for name, value in {**dict(parse_qsl(url.query)), **change}.items() if value is not None}
    response = httpx.get(url._replace(query=urlencode(query)).geturl(), trust_env=False)

    location = response.headers.get("location", "")
    assert "/log-in/" not in location
    assert response.status_code == 400 or "error=" in location


def test_a_code_is_worth_nothing_without_the_verifier_and_only_once(provider: Provider) -> None:
    one, discovery = login(provider), discover(provider.issuer)

    def fresh() -> tuple[flow.Pending, str]:
        pending = flow.begin(discovery, PUBLIC, NONCE)
        with one.browser() as browser:
            return pending, one.choose(browser, pending.url, "ana")["code"]

    with httpx.Client(trust_env=False) as http:
        _, code = fresh()
        with pytest.raises(FlowError, match="invalid_grant"):
            flow.redeem(http, discovery, PUBLIC, code, "x" * 64)
        pending, code = fresh()
        flow.redeem(http, discovery, PUBLIC, code, pending.verifier)
        with pytest.raises(FlowError, match="invalid_grant"):
            flow.redeem(http, discovery, PUBLIC, code, pending.verifier)
        pending, code = fresh()
        other = Client(CONFIDENTIAL, PUBLIC.redirect_uri, "no secret")
        with pytest.raises(FlowError, match="invalid_client"):
            flow.redeem(http, discovery, other, code, pending.verifier)
    one.close()


def test_J5_a_new_key_signs_at_once_and_the_old_one_stays_as_long_as_its_tokens(tmp_path: Path) -> None:
    with running(tmp_path / "eid") as provider:
        before = provider.token("ana", NONCE)
        kid = provider.rotate(overlap=600)
        after = provider.token("ana", NONCE)

        assert jwt.get_unverified_header(after)["kid"] == kid != jwt.get_unverified_header(before)["kid"]
        assert verified(provider, before)["sub"] == verified(provider, after)["sub"]

        provider.rotate(overlap=0)
        with pytest.raises(KeyError):
            verified(provider, after)


def test_J5_who_is_logging_in_while_the_key_changes_gets_the_new_one(tmp_path: Path) -> None:
    with running(tmp_path / "eid") as provider:
        one, discovery = login(provider), discover(provider.issuer)
        pending = flow.begin(discovery, PUBLIC, NONCE)
        with one.browser() as browser:
            page = browser.get(pending.url).headers["location"]
            kid = provider.rotate()
            resumed = browser.post(provider.issuer + page, data={"person": "ana"}).headers["location"]
            back = browser.get(resumed).headers["location"]
            code = flow.code_of(discovery, pending.state, dict(parse_qsl(urlsplit(back).query)))
            token = flow.redeem(browser, discovery, PUBLIC, code, pending.verifier)
        one.close()
        assert jwt.get_unverified_header(token)["kid"] == kid


def test_J5_keys_subjects_and_secrets_outlive_a_kill(tmp_path: Path) -> None:
    with running(tmp_path / "eid") as provider:
        before = provider.token("ana", NONCE, CONFIDENTIAL)
        one = login(provider)
        pending = flow.begin(discover(provider.issuer), PUBLIC, NONCE)
        with one.browser() as browser:
            page = browser.get(pending.url).headers["location"]
            provider.kill()
            with pytest.raises(ProviderAway):
                one.token("ana", NONCE)
            provider.start()
            lost = browser.post(provider.issuer + page, data={"person": "ana"})
        assert lost.status_code == 400  # who was logging in begins again
        one.close()

        assert (
            verified(provider, before, CONFIDENTIAL)["sub"] == verified(provider, provider.token("ana", NONCE))["sub"]
        )
        provider.token("ana", NONCE, CONFIDENTIAL)


def test_a_program_waits_for_a_provider_that_starts_again(tmp_path: Path) -> None:
    with running(tmp_path / "eid") as provider:
        one = login(provider)
        one.token("ana", NONCE)
        provider.kill()
        provider.start()
        assert verified(provider, one.token("ana", NONCE, patience=20))["nonce"] == NONCE
        one.close()


def test_persons_come_and_go_while_it_runs_and_the_log_names_nobody(tmp_path: Path) -> None:
    with running(tmp_path / "eid") as provider:
        with pytest.raises(FlowError, match="no person zelia"):
            provider.token("zelia", NONCE)
        provider.add(Person("zelia", "Zélia Nova", "high", {"residence": "PT-0101"}))
        assert verified(provider, provider.token("zelia", NONCE))["residence"] == "PT-0101"

        said = provider.log.read_text()
        assert "zelia" not in said.lower()
        assert "ana" not in said.lower()


def test_retired_keys_leave_when_their_time_has_come(tmp_path: Path) -> None:
    with running(tmp_path / "eid") as provider:
        provider.rotate(overlap=1)
        assert len(httpx.get(f"{provider.issuer}/jwks", trust_env=False).json()["keys"]) == 2
        end = time.monotonic() + 20
        while len(httpx.get(f"{provider.issuer}/jwks", trust_env=False).json()["keys"]) > 1:
            assert time.monotonic() < end
            time.sleep(0.1)


@pytest.mark.parametrize(
    ("client", "reason"),
    [
        (state.Client("a b", ("https://a.example/c",)), "an id is"),
        (state.Client("a", ()), "needs a redirect address"),
        (state.Client("a", ("ftp://a.example/c",)), "is no redirect address"),
        (state.Client("a", ("https://a.example/c#part",)), "is no redirect address"),
    ],
)
def test_clients_that_cannot_be_are_refused(tmp_path: Path, client: state.Client, reason: str) -> None:
    with pytest.raises(state.ProviderError, match=reason):
        state.prepare(tmp_path, 1, [client])
