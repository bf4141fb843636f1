# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna run`: a whole election on this machine, by a driver that holds the voters' secrets and nothing else."""
