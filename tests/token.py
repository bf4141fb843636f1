# SPDX-License-Identifier: AGPL-3.0-or-later
"""A real PKCS #11 token in software (SoftHSM) for tests; one configuration a process, as the library reads it once."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from node.token import TokenUri

ROOT = Path(__file__).resolve().parents[1]
PIN = "pin-7351"
HOW_MANY = 8


@cache
def _tokens() -> Iterator[tuple[str, str]]:
    """Library and label of empty tokens: made before the library is loaded, which looks for tokens only then. Skips
    where the system has no SoftHSM to be had."""
    found = subprocess.run([ROOT / "scripts" / "softhsm"], capture_output=True, text=True)
    if found.returncode:
        if shutil.which("apt-get"):
            pytest.fail(found.stderr)
        pytest.skip(found.stderr)
    library, util = found.stdout.split()
    folder = Path(tempfile.mkdtemp(prefix="urna-softhsm-"))
    (folder / "tokens").mkdir()
    conf = folder / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(conf)
    labels = [f"urna-{number}" for number in range(HOW_MANY)]
    for label in labels:
        init = ["--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "so-pin-9"]
        subprocess.run([util, "--module", library, *init], check=True, capture_output=True)
    return iter([(library, label) for label in labels])


def new_token(folder: Path) -> TokenUri:
    """An empty token; its PIN is in a file in `folder`."""
    library, label = next(_tokens())
    pin = folder / f"{label}.pin"
    pin.touch(0o600)
    pin.write_text(f"{PIN}\n")
    return TokenUri(label, library, pin_file=str(pin))
