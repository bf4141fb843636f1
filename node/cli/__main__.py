# SPDX-License-Identifier: AGPL-3.0-or-later
"""`python -m node.cli`: the same as `urna`."""

import sys

from node.cli import main

sys.exit(main())
