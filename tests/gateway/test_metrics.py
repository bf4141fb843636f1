# SPDX-License-Identifier: AGPL-3.0-or-later
"""Figures and the log of requests: bounded labels, ballots only in steps (P1)."""

from __future__ import annotations

import logging
import re
import secrets
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway import metrics
from gateway.metrics import STEP, Answered, Steps
from tests.gateway.consortium import Consortium, until

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(consortium: Consortium, name: str) -> Samples:
    server = consortium.gateways[name].metrics
    assert server is not None
    response = httpx.get(f"http://127.0.0.1:{server.port}/metrics", trust_env=False)
    assert response.status_code == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def routes(samples: Samples) -> set[str]:
    return {dict(labels)["route"] for _, labels in samples if "route" in dict(labels)}


@pytest.fixture
def measured(consortium: Consortium) -> Consortium:
    consortium.stop("C")
    consortium.start("C", metrics_port=0, access_log=True)
    return consortium


def test_figures_are_served_on_a_port_of_their_own(measured: Consortium) -> None:
    client = measured.clients["C"]
    client.get("/v1/initiatives")
    client.get("/v1/initiatives/999999")
    samples = scrape(measured, "C")
    ok = ("urna_requests_total", (("method", "GET"), ("route", "/v1/initiatives"), ("status", "200")))
    assert samples[ok] >= 1
    assert samples[("urna_problems_total", (("code", "unknown-initiative"),))] >= 1
    assert samples[("urna_index_current", ())] == 1
    assert samples[("urna_index_block", ())] >= 1
    assert {dict(labels)["worker"] for name, labels in samples if name == "urna_relay_quiet_seconds"} == {
        "persons",
        "ballots",
        "publisher",
        "member",
    }
    assert len([name for name, _ in samples if name == "urna_lane_open"]) == 4
    assert client.get("/metrics").status_code == 404


def test_no_label_comes_from_a_request(measured: Consortium) -> None:
    """A stranger cannot fill the memory of gateway and Prometheus, nor write into them."""
    client = measured.clients["C"]
    before = scrape(measured, "C")
    for _ in range(40):
        stranger = secrets.token_hex(8)
        client.get(f"/{stranger}")
        client.get(f"/v1/initiatives/{stranger}")
        client.get(f"/v1/registrations/{stranger}{stranger}")
        client.request(stranger[:6].upper(), "/health")
    after = scrape(measured, "C")
    assert routes(after) - routes(before) <= {"unmatched", "/v1/initiatives/{initiative}", "/v1/registrations/{id}"}
    methods = {dict(labels)["method"] for _, labels in after if "method" in dict(labels)}
    assert methods <= metrics.METHODS | {"other"}
    assert len(after) - len(before) < 80


def ballot_figures(samples: Samples) -> Samples:
    return {
        (name, labels): value
        for (name, labels), value in samples.items()
        if "ballots" in dict(labels).get("route", "") or dict(labels).get("kind") == "ballot"
    }


def test_P1_ballots_are_only_told_of_in_steps(measured: Consortium, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever reads figures and log all the time learns that some 64 requests came, never when one did."""
    client = measured.clients["C"]
    caplog.set_level(logging.DEBUG, "gateway")
    before, problems = scrape(measured, "C"), ("urna_problems_total", (("code", "unknown-initiative"),))
    for _ in range(STEP - 1):
        client.post("/v1/initiatives/999999/ballots", json={"entry": "0x00"})
    between = scrape(measured, "C")
    assert ballot_figures(between) == ballot_figures(before)
    assert between.get(problems, 0) == before.get(problems, 0)
    assert between[("urna_requests_in_flight", ())] == 0
    assert "ballots" not in caplog.text
    client.post("/v1/initiatives/999999/ballots", json={"entry": "0x00"})
    after = scrape(measured, "C")
    assert after[problems] - before.get(problems, 0) == STEP
    (line,) = [record.getMessage() for record in caplog.records if "ballots" in record.getMessage()]
    assert line == f"{STEP} requests about ballots, {STEP} refused"


def test_a_line_of_the_log_has_the_route_and_no_address_or_id(
    measured: Consortium, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "gateway")
    id_ = secrets.token_hex(16)
    measured.clients["C"].get(f"/v1/registrations/{id_}?x={id_}", headers={"User-Agent": "somebody"})
    until(lambda: "gateway.observed" in {record.name for record in caplog.records})
    (record,) = [record for record in caplog.records if record.name == "gateway.observed"]
    assert record.getMessage().startswith("GET /v1/registrations/{id} 404 ")
    assert id_ not in caplog.text
    assert "somebody" not in caplog.text
    assert "127.0.0.1" not in record.getMessage()


def test_steps_release_all_at_once() -> None:
    released: list[list[Answered]] = []
    steps = Steps(released.append, step=3)
    for status in range(7):
        steps.add(Answered("POST", "/x", status, 0.1, None))
    assert [[each.status for each in one] for one in released] == [[0, 1, 2], [3, 4, 5]]


def test_the_handbook_lists_every_metric(measured: Consortium) -> None:
    written = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text()
    metrics.registrar_asked(3, "silent")
    names = {re.sub(r"_(bucket|sum|count)\Z", "", name) for name, _ in scrape(measured, "C")}
    assert names == set(re.findall(r"`(urna_[a-z_]+)`", written.partition("**Metrics**")[2].partition("**Log**")[0]))
