# SPDX-License-Identifier: AGPL-3.0-or-later
"""The gateway's reads over an index, by themselves: `python -m scripts.benchmarks.read_server FOLDER [URL]`.

Prints the port once it listens.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import uvicorn
from fastapi import FastAPI

from gateway import problems
from gateway.ballots import endpoints as ballots
from gateway.database import INDEX, locate, parse_url
from gateway.entities import endpoints as entities
from gateway.index.nodes import BucketNodes
from gateway.index.reads import Reads
from gateway.index.store import IndexStore
from gateway.initiatives import endpoints as initiatives

ORIGIN = b"benchmark"


def main() -> None:
    url = None if len(sys.argv) < 3 else parse_url(sys.argv[2])
    store = IndexStore(locate(Path(sys.argv[1]), url, INDEX), ORIGIN)
    app = FastAPI()
    app.state.services = SimpleNamespace(reads=Reads(store, lambda: False), nodes=BucketNodes())
    problems.install(app)
    for router in (initiatives.router, entities.router, ballots.router):
        app.include_router(router)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(256)
    print(listening.getsockname()[1], flush=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_keep_alive=120))
    asyncio.run(server.serve(sockets=[listening]))
    store.close()


if __name__ == "__main__":
    main()
