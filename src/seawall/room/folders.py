"""A server's own folder for what is sent to it, gone with the server."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

_NAME = "seawall-room-"


def own_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder of this process; what killed servers left behind is removed first."""
    if sys.platform != "win32":
        for left in Path(tempfile.gettempdir()).glob(f"{_NAME}*"):
            found = re.fullmatch(rf"{_NAME}(\d+)-\w+", left.name)
            if found is not None and not _alive(int(found[1])):
                # a folder of another user stays
                shutil.rmtree(left, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"{_NAME}{os.getpid()}-")


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
