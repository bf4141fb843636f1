# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna observe`: verify a live node or a bundle."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from node.cli import EXIT_FAILED, Session
from node.cli.observing import deployment_json, progress, published
from node.cli.options import answer, json_option
from node.observer import LiveSource, MalformedBundle, Report, load, refused
from node.observer import observe as verify
from node.observer.pages import html_page, print_report
from node.rpc import RpcClient


@click.command()
@click.argument("source", metavar="SOURCE")
@click.option(
    "--deployment",
    "deployment_file",
    metavar="FILE",
    envvar="URNA_DEPLOYMENT",
    type=click.Path(path_type=Path, dir_okay=False),
    help="What `urna deploy` wrote, from a source that you trust: what the chain or the bundle is compared with.",
)
@click.option("--initiative", metavar="N", type=click.IntRange(min=1), help="Look into this initiative alone.")
@click.option(
    "--html", "html_file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write a page."
)
@json_option
@click.pass_context
def observe(
    ctx: click.Context, source: str, deployment_file: Path | None, initiative: int | None, html_file: Path | None
) -> int:
    """Verify everything that SOURCE says: the RPC address of a node, or a bundle (.json, .json.gz).

    Exit code 0: every check that can be made passed. 1: a check failed, or one could not be made that should have been
    (what cannot be verified is never counted as passed; seals on the embedded engine are the one thing that is not
    expected). A bundle without --deployment vouches for its own genesis, which is such a gap: get the deployment file
    from somebody else than the bundle.
    """
    report = _report(source, deployment_file, initiative)
    if html_file is not None:
        html_file.parent.mkdir(parents=True, exist_ok=True)
        html_file.write_text(html_page(report), encoding="utf-8")
    if ctx.ensure_object(Session).as_json:
        answer(report.to_json(), [])
    else:
        print_report(Console(), report)
        if html_file is not None:
            click.echo(f"The page is in {html_file}.")
    return 0 if report.ok else EXIT_FAILED


def _report(source: str, deployment_file: Path | None, initiative: int | None) -> Report:
    is_live = source.startswith(("http://", "https://"))
    if is_live and deployment_file is None:
        raise click.UsageError("A live node needs --deployment FILE: what `urna deploy` wrote.")
    given = None if deployment_file is None else deployment_json(deployment_file)
    with progress() as shown:
        try:
            if is_live:
                assert given is not None
                with RpcClient.connect(source) as rpc:
                    return verify(LiveSource(rpc, given), published(), initiative=initiative, progress=shown)
            if not Path(source).is_file():
                raise click.UsageError(f"There is no file {source}, and it is no http address.")
            bundle = load(Path(source))
        except MalformedBundle as error:
            return refused(error)
        if given is not None and given != dict(bundle.deployment):
            raise click.UsageError(f"The bundle is of another deployment than {deployment_file}.")
        return verify(bundle, published(), initiative=initiative, anchored=given is not None, progress=shown)
