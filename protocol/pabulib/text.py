# SPDX-License-Identifier: AGPL-3.0-or-later
"""The text of a `.pb` file as three tables of rows, each cell knowing its line and column.

Semicolons separate cells. A cell that begins with a double quote ends with one, `""` inside stands for one, and it
may contain semicolons and line ends. Blank lines are skipped; lines end in LF or CRLF; a byte order mark at the start
is ignored. Source: http://pabulib.org/format, which follows CSV.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from protocol.pabulib.errors import PbError

SECTIONS = ("META", "PROJECTS", "VOTES")
MAX_CELL = 1 << 16
"""Longest cell, in characters."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row. cells: unquoted, not stripped. starts: (line, column) of each cell, None where nothing was quoted."""

    line: int
    cells: list[str]
    starts: list[tuple[int, int]] | None = None

    def text(self, place: int) -> str:
        """The cell without surrounding space; empty where the row is too short."""
        return self.cells[place].strip() if place < len(self.cells) else ""

    def where(self, place: int, offset: int = 0) -> tuple[int, int]:
        """Line and column at which the cell's text begins, `offset` characters further on in an unquoted one.

        A cell that a short row lacks is at the row's end.
        """
        if self.starts is not None:
            return self.starts[min(place, len(self.starts) - 1)]
        if place >= len(self.cells):
            return self.line, sum(len(cell) + 1 for cell in self.cells)
        cell = self.cells[place]
        blank = len(cell) - len(cell.lstrip()) if cell.strip() else 0
        return self.line, sum(len(before) + 1 for before in self.cells[:place]) + blank + offset + 1


@dataclass(frozen=True, slots=True)
class Table:
    """A section: the lines of its title and of its columns, the places of the columns, its rows."""

    file: str
    title: str
    line: int
    header: int
    columns: dict[str, int]
    rows: list[Row] = field(default_factory=list)

    def error(self, row: Row, place: int, reason: str, remedy: str, offset: int = 0) -> PbError:
        """The error at a cell of this table."""
        return PbError(self.file, *row.where(place, offset), reason, remedy)

    def place(self, column: str, remedy: str) -> int:
        """The column's place; raises PbError at the section's title where there is none."""
        if column not in self.columns:
            raise PbError(self.file, self.header, 1, f"{self.title} has no column {column}", remedy)
        return self.columns[column]


def decode(data: bytes, file: str) -> str:
    """UTF-8 to text; raises PbError at the first byte that is not."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        raise PbError(file, line, column, "a byte is not UTF-8", "Save the file as UTF-8") from None


def tables(text: str, file: str) -> dict[str, Table]:
    """The three sections by title, in any order. Raises PbError where the text is not of that form."""
    found: dict[str, Table] = {}
    table: Table | None = None
    rows = _rows(text, file)
    for row in rows:
        title = _title(row)
        if title is not None:
            if title in found:
                raise PbError(file, *row.where(0), f"a second section {title}", "Keep one")
            table = found[title] = Table(file, title, row.line, *_columns(title, row, rows, file))
        elif table is None:
            raise PbError(file, *row.where(0), "text before the first section", "Begin the file with the line META")
        else:
            _check_width(table, row)
            table.rows.append(row)
    last = text.count("\n") + 1
    for title in SECTIONS:
        if title not in found:
            raise PbError(file, last, 1, f"there is no section {title}", f"Add a line {title} and its rows")
    return found


def _title(row: Row) -> str | None:
    word = row.cells[0].strip().upper()
    alone = row.starts is None and word in SECTIONS and not any(cell.strip() for cell in row.cells[1:])
    return word if alone else None


def _columns(title: str, row: Row, rows: Iterator[Row], file: str) -> tuple[int, dict[str, int]]:
    header = next(rows, None)
    if header is None or _title(header) is not None:
        raise PbError(file, row.line, 1, f"{title} has no line with its columns", "Add it below the title")
    columns: dict[str, int] = {}
    for place, cell in enumerate(header.cells):
        name = cell.strip().lower()
        if name in columns:
            raise PbError(file, *header.where(place), f"a second column {name}", "Keep one")
        if name:
            columns[name] = place
        elif any(later.strip() for later in header.cells[place:]):
            raise PbError(file, *header.where(place), "a column without a name", "Name it")
    return header.line, columns


def _check_width(table: Table, row: Row) -> None:
    width = max(table.columns.values(), default=-1) + 1
    for place in range(width, len(row.cells)):
        if row.text(place):
            reason = f"cell {place + 1} of a row of {table.title}, which has {width} columns"
            raise table.error(row, place, reason, "Put a cell that contains a semicolon in double quotes")


def _rows(text: str, file: str) -> Iterator[Row]:
    lines = text.removeprefix("\ufeff").split("\n")
    at = 0
    while at < len(lines):
        line = _clean(lines[at], at, file)
        if '"' in line:
            row, at = _quoted(lines, at, file)
            yield row
        else:
            if line and not line.isspace():
                yield Row(at + 1, line.split(";"))
            at += 1


def _clean(line: str, at: int, file: str) -> str:
    """The line without its CR; refuses what no `.pb` file contains."""
    line = line.removesuffix("\r")
    for mark, name in (("\0", "a NUL character"), ("\r", "a carriage return within a line")):
        column = line.find(mark)
        if column >= 0:
            raise PbError(file, at + 1, column + 1, name, "Save the file as plain UTF-8 text")
    if len(line) > MAX_CELL:
        start = 0
        for cell in line.split(";"):
            if len(cell) > MAX_CELL:
                raise _too_long(file, at + 1, start + 1)
            start += len(cell) + 1
    return line


def _too_long(file: str, line: int, column: int) -> PbError:
    return PbError(file, line, column, f"a cell of more than {MAX_CELL} characters", "Shorten it, or close its quote")


def _quoted(lines: list[str], at: int, file: str) -> tuple[Row, int]:
    """The row that begins at `lines[at]`, and the index of the line after it."""
    first = at
    line = _clean(lines[at], at, file)
    cells: list[str] = []
    starts: list[tuple[int, int]] = []
    position = 0
    while True:
        begin = position + len(line[position:]) - len(line[position:].lstrip(" \t"))
        starts.append((at + 1, begin + 1))
        if line[begin : begin + 1] == '"':
            cell, at, position = _cell(lines, at, begin, file)
            line = _clean(lines[at], at, file)
            end = line.find(";", position)
            rest = line[position : end if end >= 0 else len(line)]
            if rest.strip():
                raise PbError(file, at + 1, position + 1, "text after a closing quote", 'Write a quote inside as ""')
            cells.append(cell)
        else:
            end = line.find(";", position)
            cells.append(line[position : end if end >= 0 else len(line)])
        if end < 0:
            return Row(first + 1, cells, starts), at + 1
        position = end + 1


def _cell(lines: list[str], at: int, begin: int, file: str) -> tuple[str, int, int]:
    """The quoted cell that opens at `begin`: its text, and the line and position after its closing quote."""
    opened, parts, length = at, [], 0
    line, position = _clean(lines[at], at, file), begin + 1
    while True:
        quote = line.find('"', position)
        parts.append(line[position:quote] if quote >= 0 else line[position:])
        length += len(parts[-1]) + 1
        if length > MAX_CELL:
            raise _too_long(file, opened + 1, begin + 1)
        if quote < 0:
            at += 1
            if at >= len(lines):
                raise PbError(file, opened + 1, begin + 1, "a quote that is never closed", 'Close it with "')
            parts.append("\n")
            line, position = _clean(lines[at], at, file), 0
        elif line[quote + 1 : quote + 2] == '"':
            parts.append('"')
            position = quote + 2
        else:
            return "".join(parts), at, quote + 1
