# SPDX-License-Identifier: AGPL-3.0-or-later
"""A gateway that kills itself (SIGKILL) at a point named on its command line; nothing of this is in the product.

python -m tests.gateway.killable SETTINGS POINT
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from gateway import server
from gateway.app import create_app
from gateway.assembly import build
from gateway.ballots.repository import Ballots
from gateway.members.peers import Peers
from gateway.relay.outbox import Outbox
from gateway.settings import Settings
from gateway.stopping import GatewayServer
from gateway.submissions import Submissions
from node.rpc import RpcClient
from tests.node.town import trapdoor


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: type, name: str) -> None:
    setattr(owner, name, die)


def after(owner: type, name: str, when: Callable[..., bool] = lambda *_: True) -> None:
    """Right after the method did its work, for the first time that `when` says so of its arguments."""
    method = getattr(owner, name)

    def dies(*arguments: Any, **named: Any) -> Any:
        result = method(*arguments, **named)
        if when(*arguments):
            die()
        return result

    setattr(owner, name, dies)


def within_close() -> None:
    """What was carried is written down, and the transaction is not yet committed."""
    close = Outbox.close

    def dies(self: Outbox, settled: Any, finish: Any) -> None:
        def finish_and_die(db: Any) -> None:
            finish(db)
            die()

        close(self, settled, finish_and_die)

    Outbox.close = dies  # type: ignore[method-assign]  # the point of this file


#: Every step of the machine, in the order in which a submission goes through them.
BALLOT_POINTS: dict[str, Callable[[], None]] = {
    "before it is stored": lambda: before(Ballots, "accept_all"),
    "stored, not answered": lambda: after(Ballots, "accept_all"),
    "signed, not stored": lambda: after(Outbox, "_sign"),
    "queued": lambda: after(Outbox, "put"),
    "before it is sent": lambda: before(RpcClient, "send_raw"),
    "sent, not written down": lambda: after(RpcClient, "send_raw"),
    "sent": lambda: after(Outbox, "_mark", lambda _, status, which: status == "sent" and bool(which)),
    "mined": lambda: after(Outbox, "_mark", lambda _, status, which: status == "mined" and bool(which)),
    "settled, not closed": lambda: before(Outbox, "close"),
    "within the closing": within_close,
    "closed": lambda: after(Outbox, "close"),
}
PERSON_POINTS: dict[str, Callable[[], None]] = {
    "handed in, not answered": lambda: after(Submissions, "accept"),
    "co-signed, not queued": lambda: after(Peers, "gather"),
    "sent, not written down": lambda: after(RpcClient, "send_raw"),
    "within the closing": within_close,
}
POINTS = BALLOT_POINTS | PERSON_POINTS | {"never": lambda: None}


def main() -> None:
    settings = Settings.model_validate_json(sys.argv[1])
    POINTS[sys.argv[2]]()
    gateway = build(settings, test_key=trapdoor()[0])
    app = create_app(gateway)
    GatewayServer(server.config(app, settings.host, settings.port), gateway, settings.drain_timeout).run()


if __name__ == "__main__":
    main()
