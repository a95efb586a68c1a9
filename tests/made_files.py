"""Files of venues' archives, written for a test: packed as their name says."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path


def write_file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    elif name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name.removesuffix(".zip") + ".csv", text)
    else:
        path.write_text(text)
    return path


SNAPSHOT = (
    "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,"
    "last_fill_quantity,accumulated_fill_quantity\n"
    "1687656471926,BUY,LIMIT,IOC,7,30741.3,30631.6,FILLED,6,7\n"
    "1687656471926,BUY,LIMIT,IOC,7,30741.3,30631.6,FILLED,6,7\n"
    "1687656473356,BUY,LIMIT,IOC,43,30756.6,30631.6,PARTIALLY_FILLED,1,1\n"
    "1687656473356,BUY,LIMIT,IOC,43,30756.6,30631.6,FILLED,42,43\n"
    "1687656480000,SELL,LIMIT,IOC,10,30000.0,30100.5,FILLED,10,10\n"
)
