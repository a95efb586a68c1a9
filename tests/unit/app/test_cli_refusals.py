"""Wrong input of every kind: exit code 2, one clear text, no traceback, nothing written."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

STRESS = ("stress", "BOOK", "--shock", "BTC=-10%")

WRONG = [
    # arguments and what the message must hold
    (("check",), ("missing argument 'BOOK'", "seawall check --help")),
    (("check", "BOOK", "--fromat", "x"), ("no such option: --fromat", "--format")),
    (("check", "BOOK", "--format", "xml"), ("--format", "'xml'", "'json'")),
    (("check", "BOOK", "more"), ("unexpected extra argument", "more")),
    (("chekc", "BOOK"), ("no such command 'chekc'",)),
    (("explain", "BOOK"), ("missing option '--row'",)),
    (("explain", "BOOK", "--row", "one"), ("--row",)),
    (("explain", "BOOK", "--row", "0"), ("--row", "'0'", "1 to 5")),
    (("explain", "BOOK", "--row", "-1"), ("--row", "'-1'", "1 to 5")),
    (("explain", "BOOK", "--row", "6"), ("--row", "'6'", "1 to 5")),
    (("check", "nowhere.csv"), ("nowhere.csv", "no such file")),
    (("check", "."), ("a folder",)),
    (("check", "BOOK", "--market", "nowhere.csv"), ("nowhere.csv", "no such file")),
    (("check", "BOOK", "--venue", "binanse"), ("--venue", "'binanse'", "bybit")),
    (("check", "BOOK", "--at", "yesterday"), ("'yesterday'", "ISO 8601")),
    (("check", "BOOK", "--price", "BTC"), ("--price", "'BTC'", "NAME=VALUE")),
    (("check", "BOOK", "--price", "BTC=0"), ("--price", "'BTC=0'", "above 0")),
    (("check", "BOOK", "--price", "BTC=-1"), ("--price", "above 0")),
    (("check", "BOOK", "--price", "BTC=inf"), ("--price", "finite")),
    (("check", "BOOK", "--sigma", "BTC=0"), ("--sigma", "above 0")),
    (("check", "BOOK", "--sigma", "BTC=nan"), ("--sigma", "finite")),
    (("check", "BOOK", "--sigma", "DOGE=3%"), ("--sigma", "'DOGE'", "BTC, ETH")),
    (("check", "BOOK", "--target-ratio", "0"), ("--target-ratio", "at most 1")),
    (("check", "BOOK", "--target-ratio", "1.5"), ("--target-ratio", "at most 1")),
    (("check", "BOOK", "--target-ratio", "nan"), ("--target-ratio", "at most 1")),
    (("map", "BOOK", "--asset", "DOGE"), ("--asset", "'DOGE'", "BTC, ETH")),
    (("map", "BOOK", "--span", "0%"), ("--span", "above 0")),
    (("map", "BOOK", "--span", "35"), ("--span", "35%")),
    (("map", "BOOK", "--span", "inf%"), ("--span", "finite")),
    (("map", "BOOK", "--step", "0"), ("--step", "above 0")),
    (("map", "BOOK", "--step", "-5"), ("--step", "above 0")),
    (("map", "BOOK", "--step", "nan"), ("--step", "above 0")),
    (("map", "BOOK", "--step", "1e-9"), ("--step", "at least")),
    (("stress", "BOOK"), ("--shock", "BTC=-10%")),
    (("stress", "BOOK", "--shock", "BTC=-10"), ("--shock", "BTC=-10", "-10%", "-0.1")),
    (("stress", "BOOK", "--shock", "-10%"), ("--shock", "NAME=VALUE")),
    (("stress", "BOOK", "--shock", "BTC=-100%"), ("--shock", "above -100%")),
    (("stress", "BOOK", "--shock", "BTC=-150%"), ("--shock", "above -100%")),
    (("stress", "BOOK", "--shock", "BTC=nan"), ("--shock", "finite")),
    (("stress", "BOOK", "--shock", "BTC="), ("--shock",)),
    (("stress", "BOOK", "--shock", "DOGE=-10%"), ("--shock", "'DOGE'", "BTC, ETH, ALL")),
    (("stress", "BOOK", "--shock", "BTC=-1%", "--shock", "BTC=-2%"), ("--shock", "given twice")),
    (("stress", "BOOK", "--shock", "BTC=-1%,btc=-2%"), ("--shock", "given twice")),
    ((*STRESS, "--depth", "BTC=0"), ("--depth", "BTC=0", "above 0")),
    ((*STRESS, "--depth", "BTC=-5e6"), ("--depth", "above 0")),
    ((*STRESS, "--depth", "BTC=much"), ("--depth", "250e6")),
    ((*STRESS, "--depth", "DOGE=5e6"), ("--depth", "'DOGE'", "BTC, ETH")),
    ((*STRESS, "--thinning", "0"), ("--thinning", "above 0")),
    ((*STRESS, "--thinning", "-2"), ("--thinning", "above 0")),
    ((*STRESS, "--thinning", "nan"), ("--thinning", "above 0")),
    ((*STRESS, "--impact-exponent", "0"), ("--impact-exponent", "at most 3")),
    ((*STRESS, "--impact-exponent", "9"), ("--impact-exponent", "at most 3")),
    ((*STRESS, "--fund", "binanse=1e6"), ("--fund", "'binanse'", "bybit")),
    ((*STRESS, "--fund", "htx=1e6"), ("--fund", "htx", "binance_usdm")),
    ((*STRESS, "--fund", "-5"), ("--fund", "0 or more")),
    ((*STRESS, "--fund", "bybit=-5"), ("--fund", "bybit=-5", "0 or more")),
    ((*STRESS, "--ladder", "deep"), ("--ladder", "'deep'")),
    ((*STRESS, "--ladder", ","), ("--ladder",)),
    ((*STRESS, "--ladder", "-5%,0%"), ("--ladder", "above 0")),
    ((*STRESS, "--ladder", "-100%"), ("--ladder", "less than 100%")),
    ((*STRESS, "--liquidates", "0"), ("--liquidates", "above 0")),
    ((*STRESS, "--liquidates", "inf"), ("--liquidates", "finite")),
    ((*STRESS, "--draws", "-1"), ("--draws",)),
    (("demo", "--accounts", "3"), ("--accounts",)),
    (("demo", "--shock", "BTC=-10", "--report", "PAGE"), ("--shock",)),
    (("rules", "show", "binanse"), ("'binanse'", "bybit")),
    (("rules", "update"), ("--venue",)),
    (("rules", "update", "--venue", "binanse", "--from-file", "BOOK"), ("--venue", "'binanse'")),
    (("rules", "update", "--venue", "binance", "--from-file", "BOOK"), ("not a JSON file",)),
    (
        ("rules", "update", "--venue", "bybit", "--from-file", "x.json", "--date", "soon"),
        ("--date",),
    ),
]


@pytest.mark.parametrize(("arguments", "told"), WRONG, ids=lambda p: " ".join(p)[:60])
def test_wrong_use_is_one_clear_error(
    arguments: tuple[str, ...], told: tuple[str, ...], book: Path, run: Any
) -> None:
    page = book.with_name("page.html")
    swap = {"BOOK": str(book), "PAGE": str(page)}
    report = (
        ("--report", str(page)) if arguments[0] in ("check", "map", "stress", "explain") else ()
    )
    done = run(*(swap.get(a, a) for a in arguments), *report)
    assert done.code == 2, done.err
    assert done.out == ""
    # a slow machine has first said what it was doing: lines that end with dots
    said = [line for line in done.err.splitlines() if not line.endswith("…")]
    assert len(said) == 1
    assert said[0].startswith("error: ")
    assert "Traceback" not in done.err
    for words in told:
        assert words in done.err
    assert not page.exists()


def test_mistakes_of_a_book_are_told_at_once_with_their_places(book: Path, run: Any) -> None:
    text = book.read_text().replace("2.5,92000", "0,92000").replace("okx,", "okay,")
    book.write_text(text.replace("174000", "lots"))
    page = book.with_name("page.html")
    done = run("check", book, "--report", page)
    assert (done.code, done.out, page.exists()) == (2, "", False)
    for words in (
        "book.csv, row 1, column quantity: zero quantity (got '0')",
        "book.csv, row 4, column collateral: not a number (got 'lots')",
        "book.csv, row 5, column venue: unknown venue (got 'okay'); allowed: binance_coinm",
    ):
        assert words in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("target", ["", "missing/page.html", "book.csv"])
def test_a_page_that_cannot_be_written_is_refused_first(target: str, book: Path, run: Any) -> None:
    """Neither a folder nor the book itself is overwritten, and nothing is computed for it."""
    before = book.read_text()
    done = run("check", book, "--report", book.parent / target)
    assert (done.code, done.out) == (2, "")
    assert "the output" in done.err or "another file, not a page" in done.err
    assert book.read_text() == before


def test_a_page_replaces_a_page(book: Path, run: Any) -> None:
    page = book.with_name("page.html")
    assert run("check", book, "--report", page).code == 0
    first = page.read_text()
    assert run("map", book, "--report", page).code == 0
    assert page.read_text() != first


def test_lenient_sets_rows_aside_and_lists_them(book: Path, run: Any) -> None:
    book.write_text(book.read_text().replace("2.5,92000", "0,92000"))
    done = run("check", book, "--lenient", "--format", "json")
    assert done.code == 0, done.err
    assert '"rows_set_aside": 1' in done.out
    assert "set aside: " in done.err
    assert "row 1, column quantity: zero quantity" in done.err


def test_lenient_names_how_many_more_there_are(tmp_path: Path, run: Any) -> None:
    rows = ["a,BTC,1,86000,86600,5"] + [f"b{k},BTC,0,86000,86600,5" for k in range(30)]
    path = tmp_path / "rows.csv"
    path.write_text("account,instrument,size,entry_price,mark_price,leverage\n" + "\n".join(rows))
    done = run("check", path, "--lenient")
    assert done.code == 0, done.err
    assert done.err.count("set aside:") == 20
    assert "... and 10 more" in done.err


def test_an_error_of_our_own_says_so(run: Any, monkeypatch: pytest.MonkeyPatch, book: Path) -> None:
    """Exit code 70, and the traceback that a report of it needs."""
    from seawall.app import api

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by us")

    monkeypatch.setattr(api, "map", broken)
    done = run("map", book)
    assert done.code == 70
    assert done.err.splitlines()[-1] == (
        "error: internal error, please report it: ZeroDivisionError: by us"
    )


def test_what_the_system_refuses_is_told_without_its_number(
    run: Any, monkeypatch: pytest.MonkeyPatch, book: Path
) -> None:
    for refused, words in (
        (
            PermissionError(errno.EACCES, "Permission denied", "/srv/store"),
            "/srv/store: Permission denied. ",
        ),
        (OSError(errno.EADDRINUSE, "address in use"), "address in use. Name another port"),
        (OSError(errno.EIO, "Input/output error", "x.csv"), "x.csv: Input/output error\n"),
    ):

        def refuse(*_: Any, error: OSError = refused, **__: Any) -> None:
            raise error

        monkeypatch.setattr("seawall.app.api.map", refuse)
        done = run("map", book)
        assert done.code == 1
        assert words in done.err
        assert "Errno" not in done.err
