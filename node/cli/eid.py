# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna eid`: the development issuer."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where its signing key lies; made when there is none.",
)
@click.option("--port", required=True, type=click.IntRange(1, 65535), help="Its port on the loopback interface.")
def eid(folder: Path, port: int) -> None:
    """Run a development eID issuer on loopback: it vouches for whoever it is asked to. Never for production.

    It serves discovery and its key set, and `POST /authorise` with {"subject", "nonce", "claims"} gives an ID token.
    FOLDER/issuer.json says what a gateway's list of issuers needs to know of it.
    """
    from node.issuer import serve  # the web stack, for this command only

    folder.mkdir(parents=True, exist_ok=True)
    serve(folder, port)
