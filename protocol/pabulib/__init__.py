# SPDX-License-Identifier: AGPL-3.0-or-later
"""Elections in Pabulib's `.pb` format, in and out. docs/pb-format.md says what is read and how.

Source of the format: http://pabulib.org/format; D. Peters et al. cite it as Faliszewski et al., "Participatory
Budgeting: Data, Tools, and Analysis", IJCAI 2023.
"""

from protocol.pabulib.errors import PbError
from protocol.pabulib.model import Election, Project, Vote
from protocol.pabulib.reader import read_pb
from protocol.pabulib.writer import write_pb

__all__ = ["Election", "PbError", "Project", "Vote", "read_pb", "write_pb"]
