"""Contradictions between keys are told beside keys out of range, whatever the types."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, ValidationError, model_validator

from seawall.sim.contradictions import every_error

Share = Annotated[float, Field(gt=0, le=1)]


class _Table(BaseModel):
    one: Share | dict[str, Share] = 0.5
    named: dict[str, Share] = {}
    several: tuple[Share, ...] = ()
    least: Share = 0.1
    most: Share = 0.9

    @model_validator(mode="after")
    def _ordered(self) -> _Table:
        if self.least > self.most:
            raise ValueError("least is above most")
        return self


@pytest.mark.parametrize(
    "given",
    [
        {"one": 5.0},
        {"one": {"x": 5.0}},
        {"named": {"x": 7.0}},
        {"several": (1.0, 5.0)},
        {"several": [1.0, 5.0]},
    ],
)
def test_bounds_and_contradictions_are_told_together(given: dict[str, Any]) -> None:
    def told(table: dict[str, Any]) -> tuple[set[str], set[str]]:
        with pytest.raises(ValidationError) as refused:
            _Table.model_validate(table)
        every = every_error(_Table, refused.value, table, lambda v, x: v.validate_python(x))
        return {e["type"] for e in refused.value.errors()}, {e["type"] for e in every}

    alone = told(given)
    assert alone[0] == alone[1]
    assert "value_error" not in alone[0]
    together = told({**given, "least": 0.8, "most": 0.2})
    # a value that is no table or list cannot be brought to its bound: what was found stays
    if isinstance(given.get("one", {}), dict) and not isinstance(given.get("several"), tuple):
        assert together[1] == {*alone[1], "value_error"}
    else:
        assert together[0] <= together[1]
