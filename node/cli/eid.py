# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna eid`: the development provider of eID log-ins."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from node.cli.options import answer, json_option
from node.eid import persons, state
from node.eid.state import OVERLAP, Client


@click.group()
def eid() -> None:
    """A development eID provider over invented persons. Never for production: anyone may be anyone there.

    It is a real OpenID Connect provider (oidc-provider, certified): authorization code flow with PKCE, ES256,
    pairwise subjects, levels of assurance. A browser chooses a person on its page; a program posts the person's id
    to the same form. In production, gateways are configured with the country's issuers instead.
    """


@eid.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--port", default=8790, show_default=True, type=click.IntRange(1, 65535), help="Port on loopback.")
@click.option(
    "--client",
    "public",
    multiple=True,
    metavar="ID=URI[,URI…]",
    help="A public client and its exact redirect addresses. May be given several times.",
)
@click.option(
    "--confidential",
    multiple=True,
    metavar="ID=URI[,URI…]",
    help="As --client, with a secret, which FOLDER/ID.secret then holds.",
)
@click.option(
    "--persons",
    "people",
    default=persons.SHIPPED,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A JSON file of test persons instead of the twelve that come with Urna; read again when it changes.",
)
def serve(folder: Path, port: int, public: Sequence[str], confidential: Sequence[str], people: Path) -> None:
    """Serve log-ins on http://127.0.0.1:PORT until told to stop; keys and secrets stay in FOLDER.

    \b
    Without clients there is one, urna, that may come back to http://127.0.0.1:8700/v1/authorisations/callback.
    A gateway accepts it with this entry in its list of issuers:
      {"iss": "http://127.0.0.1:8790", "audiences": ["urna"]}
    A person in --persons:
      {"id": "ana", "name": "Ana", "acr": "low|substantial|high",
       "claims": {"birthdate": "1984-03-12", "residence": ["PT-1106"], "nationality": "PT",
                  "employer": "…", "profession": "…"}}
    """
    clients = [_client(given, False) for given in public] + [_client(given, True) for given in confidential]
    command = state.prepare(folder, port, clients or [_client(DEFAULT_CLIENT, False)], people)
    sys.stdout.flush()
    os.execv(command[0], command)  # the provider takes this process's place, and its signals


@eid.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--overlap",
    default=OVERLAP,
    show_default=True,
    type=click.IntRange(0, 86400),
    help="Seconds for which the old key stays published; 0 for a key that leaked.",
)
@json_option
def rotate(folder: Path, overlap: int) -> None:
    """Give the provider of FOLDER a new signing key, at once, also while it runs.

    Tokens of the old key stay good until they expire: the key set holds it that long.
    """
    kid = state.rotate(folder, overlap)
    answer({"kid": kid, "overlap": overlap}, [f"New signing key {kid}; the old one is published for {overlap} s."])


DEFAULT_CLIENT = "urna=http://127.0.0.1:8700/v1/authorisations/callback"


def _client(given: str, confidential: bool) -> Client:
    name, separator, uris = given.partition("=")
    if not separator:
        raise click.UsageError(f"{given!r}: a client is ID=URI, like urna=https://urna.example.org/callback")
    return Client(name, tuple(uris.split(",")), confidential)
