"""The page of all keys says what the models check."""

import runpy
from pathlib import Path

import pytest
from pydantic import BaseModel

from seawall.rulebook._feed_model import FeedModel
from seawall.rulebook._models import RuleFile

PROJECT = Path(__file__).resolve().parents[3]
PAGE = (PROJECT / "docs" / "methods" / "rulebook-keys.md").read_text(encoding="utf-8")


def models_below(model):
    """Every model that a file may hold, found by the types of its keys."""
    found = {model}
    waiting = [stated.annotation for stated in model.model_fields.values()]
    while waiting:
        kind = waiting.pop()
        waiting += getattr(kind, "__args__", ())
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= models_below(kind)
    return found


MODELS = sorted(models_below(RuleFile), key=lambda m: m.__name__)


def test_the_page_is_what_its_program_writes():
    written = runpy.run_path(str(PROJECT / "docs" / "make_rulebook_keys.py"))["page"]()
    assert written == PAGE, "run python docs/make_rulebook_keys.py"


def test_all_models_are_found():
    assert FeedModel in MODELS
    assert len(MODELS) == 14


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_every_key_stands_in_a_section_with_its_meaning(model):
    sections = [
        {line.split("|")[1].strip(): line.split("|") for line in part.splitlines() if "| `" in line}
        for part in PAGE.split("\n## ")
    ]
    keys = {f"`{key}`" for key in model.model_fields}
    (rows,) = [rows for rows in sections if set(rows) == keys]
    for key, stated in model.model_fields.items():
        _, _, allowed, default, text, _ = rows[f"`{key}`"]
        assert allowed.strip(), key
        assert len(text.strip()) > 8, key
        assert (default.strip() == "**required**") == stated.is_required(), key
