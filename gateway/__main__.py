# SPDX-License-Identifier: AGPL-3.0-or-later
"""`python -m gateway`: serve one entity's gateway until told to stop.

Settings come from the command line or from `URNA_GATEWAY_…` in the environment. The log names no address, no person
and no ballot: requests are not logged at all, only faults are.
"""

from __future__ import annotations

import argparse
import logging
import sys

import uvicorn
from pydantic import ValidationError

from gateway.app import build, create_app
from gateway.journal import JournalError
from gateway.settings import Settings
from node.errors import NodeError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m gateway", description="Serve one entity's gateway.")
    for name, field in Settings.model_fields.items():
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, help=field.description)
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        settings = Settings(**given)
        app = create_app(build(settings))
    except ValidationError as error:
        for fault in error.errors():
            key = ".".join(str(part) for part in fault["loc"])
            shown = "" if key == "database" else f" (given: {fault['input']!r})"  # it may hold a password
            print(f"setting {key}: {fault['msg']}{shown}", file=sys.stderr)
        return 2
    except (NodeError, JournalError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=15,
        limit_concurrency=1024,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
