"""What every plug-in is: a strict, frozen record of its parameters, read from a scenario."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Plugin(BaseModel):
    """Base of behaviours, shocks, levers and loss rules: fields are its parameters.

    Unknown keys and values out of range are refused with the path of the key. A subclass says
    what it is in ``title`` and where its rule comes from in ``source``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: ClassVar[str] = ""
    source: ClassVar[str] = ""
