"""Every operation of the OpenAPI document, asked at random, answers as the document says."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from room_server import PATIENCE, Asker, serving
from seawall.app.serve_command import room_of
from seawall.room.security import Door

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
TOKEN = "a-token-of-some-length"
EXAMPLES = 6
HEAVY = ("demo", "study/", "simulate", "compare", "replay", "account/")
"""Minutes of work, or a venue asked; their questions are tried in tests of their own."""


@pytest.fixture(scope="module")
def api(book_file: Path) -> Iterator[tuple[Asker, Any]]:
    with serving(room_of(book_file), Door("127.0.0.1", token=TOKEN)) as ask:
        key = {"authorization": f"Bearer {TOKEN}"}
        document = ask("/api/v1/openapi.json", headers=key).json()
        yield ask, schemathesis.openapi.from_dict(document)


def test_the_document_is_told_to_all_who_ask_at_once(book_file: Path) -> None:
    with serving(room_of(book_file)) as ask, ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: ask("/api/v1/openapi.json"), range(20)))
    assert {reply.status for reply in found} == {200}
    assert len({reply.body for reply in found}) == 1


def test_every_answer_is_described(api: tuple[Asker, Any]) -> None:
    ask, _ = api
    document = ask("/api/v1/openapi.json", headers={"authorization": f"Bearer {TOKEN}"}).json()
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    bare = {
        f"{method} {path} {status}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for status, answer in operation["responses"].items()
        if status in ("200", "201", "202")
        and not any(kind.get("schema") for kind in answer.get("content", {}).values())
    }
    # the tape as a file, which is no JSON
    assert bare <= {"get /api/v1/tape/export 200"}, bare


def test_every_operation_answers_as_it_is_described(api: tuple[Asker, Any]) -> None:
    ask, document = api
    tried = 0
    for found in document.get_all_operations():
        operation = found.ok()
        if not any(part in operation.path for part in HEAVY):
            _try(operation, f"http://127.0.0.1:{ask.port}")
            tried += 1
    assert tried > 25


def _try(operation: Any, base: str) -> None:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    checks = (
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
    )

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def one(case: Any) -> None:
        key = {"authorization": f"Bearer {TOKEN}"}
        reply = case.call(base_url=base, headers=key, timeout=PATIENCE)
        case.validate_response(reply, checks=checks)

    one()


def test_nothing_is_told_without_the_token(api: tuple[Asker, Any]) -> None:
    ask, document = api
    for found in document.get_all_operations():
        operation = found.ok()
        path = operation.path.replace("{", "").replace("}", "")
        reply = ask(path, operation.method.upper())
        assert reply.status == 401, (operation.method, path)
        assert TOKEN.encode() not in reply.body
