"""One :class:`Report`, four faces: terminal, page, JSON and CSV.

Only the nouns are imported here; a face is imported by whoever draws it.
"""

from seawall.report.model import (
    Assumption,
    Band,
    Chart,
    ChartKind,
    Column,
    Headline,
    Kind,
    Marker,
    Quantity,
    Report,
    Section,
    Series,
    Shape,
    Table,
    Tone,
    Unit,
)
from seawall.report.replay import Replay

__all__ = [
    "Assumption",
    "Band",
    "Chart",
    "ChartKind",
    "Column",
    "Headline",
    "Kind",
    "Marker",
    "Quantity",
    "Replay",
    "Report",
    "Section",
    "Series",
    "Shape",
    "Table",
    "Tone",
    "Unit",
]
