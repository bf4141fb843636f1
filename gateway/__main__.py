# SPDX-License-Identifier: AGPL-3.0-or-later
"""`python -m gateway`: serve one entity's gateway until told to stop; the same as `urna gateway run`."""

from __future__ import annotations

import sys

from gateway.cli.gateway import run_alone

if __name__ == "__main__":
    sys.exit(run_alone(sys.argv[1:]))
