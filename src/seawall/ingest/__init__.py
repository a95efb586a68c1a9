"""The outside world in: a book of positions from a file, a table, an exchange's own export."""

from seawall.ingest.columns import COLUMNS, EXTRAS, Column
from seawall.ingest.reader import read_book

__all__ = ["COLUMNS", "EXTRAS", "Column", "read_book"]
