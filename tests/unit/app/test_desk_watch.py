"""`seawall watch`: lines, JSON, alerts, stops, and how it ends."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from jsonschema import Draft202012Validator

from made_venues import RestVenue
from made_venues.accounts import binance_account, okx_account
from seawall.app.desk_watch import Source
from seawall.app.desk_watching import _channel_turned
from seawall.desk.watch.channels import Channel
from seawall.desk.watch.levels import Thresholds
from seawall.desk.watch.notices import SourceTold
from seawall.desk.watch.watcher import Patience, Watcher
from seawall.report.desk_watch import is_grave, sentence
from seawall.report.schema import schema_of
from seawall.rulebook import Rules

MARKS = """\
time,asset,mark
2026-11-23T10:00:00Z,BTC,84200
2026-11-23T10:01:00Z,BTC,83450
2026-11-23T10:02:00Z,BTC,83200
2026-11-23T10:03:00Z,BTC,86600
"""


@pytest.fixture
def marks(tmp_path):
    path = tmp_path / "marks.csv"
    path.write_text(MARKS)
    return path


@pytest.fixture
def hook():
    """A web hook; what it was sent."""
    taken = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    server.taken = taken
    yield server
    server.shutdown()
    server.server_close()


def lines_of(outcome):
    checked = Draft202012Validator(schema_of("watch"))
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    assert [e.message for line in lines for e in checked.iter_errors(line)] == []
    return lines


def test_a_file_of_marks_is_told_line_by_line(run, book, marks):
    outcome = run("watch", book, "--marks", marks, "--within", "none")
    assert outcome.code == 0, outcome.err
    first, *_ = outcome.out.splitlines()
    assert "APPROACHING: ann on Binance USD-M futures, margin ratio 51.35%" in first
    assert "BTCUSDT long (row 1) falls at 83,132.5, 0.38% below its mark of 83,450" in first
    assert "Back to a ratio of 50.00%: add $44, or cut 2.81%" in first
    assert "MARGIN CALL: ann" in outcome.out
    assert "calm: ann" in outcome.out
    assert "4 marks" in outcome.err


def test_json_lines_fit_their_schema_and_stops_are_only_planned(run, book, marks, tmp_path):
    log = tmp_path / "log.jsonl"
    outcome = run("watch", book, "--marks", marks, "--stops", "--audit", log, "--format", "json")
    assert outcome.code == 0, outcome.err
    lines = lines_of(outcome)
    events = {line["event"] for line in lines}
    assert {"warning", "calm", "stop planned"} <= events
    stops = [json.loads(line) for line in log.read_text().splitlines()]
    assert stops
    assert all(s["dry_run"] and s["event"] in ("planned", "refused") for s in stops)


def test_alerts_go_out_and_the_bell_rings(run, book, marks, hook, monkeypatch):
    pytest.importorskip("apprise", reason="apprise is an extra: pip install 'seawall[alerts]'")
    monkeypatch.setenv("SEAWALL_ALERTS", f"json://127.0.0.1:{hook.server_port}")
    outcome = run("watch", book, "--marks", marks, "--bell", "--within", "none")
    assert outcome.code == 0, outcome.err
    assert "\a" in outcome.err
    assert "sent, 0 failed" in outcome.err
    assert "ms from mark to sent" in outcome.err
    told = "\n".join(t["message"] for t in hook.taken)
    assert "MARGIN CALL: ann" in told
    assert "Back to a ratio of 50.00%" in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "nothing to watch"),
        (("BOOK", "--account", "binance"), "two things to watch"),
        (("BOOK", "--marks", "nowhere.csv"), "--marks: no such file"),
        (("BOOK", "--marks", "MARKS", "--margin-call", "40%"), "--margin-call"),
        (("BOOK", "--marks", "MARKS", "--within", "1%,2%,3%"), "--within"),
        (("BOOK", "--marks", "MARKS", "--format", "csv"), "--format"),
        (("BOOK", "--marks", "MARKS", "--stops", "--stops-at", "never"), "--stops-at"),
        (("BOOK", "--marks", "MARKS", "--stops", "--stop-margin", "100%"), "--stop-margin"),
        (("BOOK", "--marks", "MARKS", "--place-stops"), "stops cannot be placed there"),
        (("BOOK", "--marks", "MARKS", "--store", "here"), "two feeds"),
        (("BOOK", "--url", "binance=ftp://x"), "--url: no address"),
        (("BOOK", "--marks", "MARKS", "--target-ratio", "2"), "--target-ratio"),
    ],
)
def test_what_cannot_be_watched_is_refused(
    run, book, marks, tmp_path, monkeypatch, arguments, words
):
    monkeypatch.chdir(tmp_path)
    given = [{"BOOK": book, "MARKS": marks}.get(a, a) for a in arguments]
    outcome = run("watch", *given)
    assert (outcome.code, outcome.out) == (2, "")
    assert words in outcome.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_clean_and_what_waits_is_sent(book, hook, number):
    pytest.importorskip("apprise", reason="apprise is an extra: pip install 'seawall[alerts]'")
    command = [
        sys.executable,
        "-c",
        "from seawall.app.cli import main; main()",
        "watch",
        str(book),
        "--marks",
        "-",
        "--alert",
        f"json://127.0.0.1:{hook.server_port}",
        "--within",
        "none",
    ]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as watch:
        assert watch.stdin is not None
        assert watch.stdout is not None
        watch.stdin.write("asset,mark\nBTC,83200\n")
        watch.stdin.flush()
        first = watch.stdout.readline()
        assert "MARGIN CALL: ann" in first
        watch.send_signal(number)
        deadline = time.monotonic() + 200
        while watch.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert watch.returncode == 0
        assert watch.stderr is not None
        said = watch.stderr.read()
    assert "watched 4 accounts" in said
    assert "Traceback" not in said
    assert ["MARGIN CALL" in t["message"] for t in hook.taken] == [True]


def test_a_piped_feed_that_ends_ends_the_watch(book):
    command = [
        sys.executable,
        "-c",
        "from seawall.app.cli import main; main()",
        "watch",
        str(book),
        "--marks",
        "-",
        "--within",
        "none",
    ]
    said = '{"asset": "BTC", "mark": 83450}\nnot json\n[{"asset": "BTC", "mark": 83200}]\n'
    done = subprocess.run(command, input=said, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ann on Binance") == 2
    assert "THE WATCH ENDS: no more marks of binance_usdm BTCUSDT" in done.stdout


def test_an_account_is_watched_with_a_key_that_can_only_read(run, tmp_path, monkeypatch):
    pytest.importorskip("ccxt", reason="ccxt is an extra: pip install 'seawall[live]'")
    marks = tmp_path / "marks.csv"
    marks.write_text("asset,mark\nBTC,80000\nBTC,72000\n")
    with RestVenue(binance_account()) as venue:
        monkeypatch.setenv("SEAWALL_BINANCE_URL", venue.url)
        monkeypatch.setenv("SEAWALL_BINANCE_KEY", "a-key-of-mine")
        monkeypatch.setenv("SEAWALL_BINANCE_SECRET", "a-secret-of-mine")
        outcome = run("watch", "--account", "binance", "--marks", marks)
        assert outcome.code == 0, outcome.err
        # the cross position's price of liquidation, as the venue prints it, is 71,787.15
        assert "binance_usdm USDT on Binance USD-M futures" in outcome.out
        assert "BTCUSDT long" in outcome.out
        assert {q.method for q in venue.asked} == {"GET"}
        venue.answers |= binance_account(enableFutures=True)
        outcome = run("watch", "--account", "binance", "--marks", marks)
        assert (outcome.code, outcome.out) == (2, "")
        assert "the key may do more than read" in outcome.err
    assert "of-mine" not in outcome.out + outcome.err


class Silent:
    """A live feed without a word."""

    live = True

    async def run(self, take):
        await asyncio.Event().wait()


def test_an_account_that_does_not_answer_is_an_alarm_and_keeps_no_watch_from_its_end(monkeypatch):
    pytest.importorskip("ccxt", reason="ccxt is an extra: pip install 'seawall[live]'")
    source = Source("account:binance", None, (), False, Rules.bundled())
    levels = Thresholds(0.5, 0.8, 0.95, 0.1, ())
    answers, open_, told = binance_account(), threading.Event(), []

    def held_back(path):
        def answer(question):
            open_.wait()
            found = answers[path]
            return found(question) if callable(found) else found

        return answer

    async def until(enough):
        async with asyncio.timeout(200):
            while not enough():
                await asyncio.sleep(0.01)

    async def run(venue):
        patience = Patience(silence=600.0, reread=0.05, answer=2.0)
        watcher = Watcher(
            source.watched(levels),
            [Silent()],
            lambda notices, _: told.extend(n for n in notices if isinstance(n, SourceTold)),
            patience=patience,
            reread=lambda: source.again(levels),
        )
        venue.answers |= {path: held_back(path) for path in answers}
        task = asyncio.create_task(watcher.run())
        await until(lambda: told)
        await asyncio.sleep(0.5)
        assert len(told) == 1
        open_.set()
        await until(lambda: len(told) >= 2)
        open_.clear()
        asked = len(venue.asked)
        await until(lambda: len(venue.asked) > asked)
        watcher.stop()
        await task

    with RestVenue(dict(answers)) as venue:
        monkeypatch.setenv("SEAWALL_BINANCE_URL", venue.url)
        monkeypatch.setenv("SEAWALL_BINANCE_KEY", "a-key-of-mine")
        monkeypatch.setenv("SEAWALL_BINANCE_SECRET", "a-secret-of-mine")
        try:
            asyncio.run(run(venue))
            # the last look still hangs: what waited for it would not have come here
            assert not open_.is_set()
        finally:
            open_.set()
    # on a machine that is busy a look that is answered may be late too, and is told of in its turn
    assert [n.bad for n in told] == [k % 2 == 0 for k in range(len(told))]
    assert "no answer for 2 s" in sentence(told[0])
    assert is_grave(told[:1])


class Slow(Source):
    """A source whose first reading goes on when it is told to, and whose second fails."""

    begun, go_on = threading.Event(), threading.Event()

    def _read(self):
        if self.begun.is_set() and not self.go_on.is_set():
            raise OSError("no such share")
        read = Source._read(self)
        if not self.begun.is_set():
            self.begun.set()
            self.go_on.wait(60)
        return read


def test_what_a_look_has_read_that_was_given_up_is_read_by_the_next(book):
    source = Slow(str(book), None, (), False, Rules.bundled())
    levels = Thresholds(0.5, 0.8, 0.95, 0.1, ())
    late = []
    given_up = threading.Thread(target=lambda: late.append(source.again(levels)))
    given_up.start()
    assert source.begun.wait(60)
    with pytest.raises(OSError, match="no such share"):
        source.again(levels)
    source.go_on.set()
    given_up.join()
    assert late == [None]
    assert source.again(levels) is not None
    assert source.again(levels) is None


def test_what_is_to_be_known_of_a_key_is_said_once(monkeypatch, capsys):
    pytest.importorskip("ccxt", reason="ccxt is an extra: pip install 'seawall[live]'")
    source = Source("account:okx", None, (), False, Rules.bundled())
    thresholds = Thresholds(0.5, 0.8, 0.95, 0.1, ())
    with RestVenue(okx_account("")) as venue:
        monkeypatch.setenv("SEAWALL_OKX_URL", venue.url)
        for part in ("KEY", "SECRET", "PASSWORD"):
            monkeypatch.setenv(f"SEAWALL_OKX_{part}", f"a-{part}-of-mine")
        first = source.watched(thresholds)
        again = source.again(thresholds)
    assert again is not None
    assert again.held.tolist() == first.held.tolist()
    assert capsys.readouterr().err.count("okx does not tell what the key may do") == 1


def test_a_service_that_takes_no_alerts_is_told_of_by_what_is_left(run, book, marks):
    pytest.importorskip("apprise", reason="apprise is an extra: pip install 'seawall[alerts]'")
    outcome = run("watch", book, "--marks", marks, "--alert", "json://127.0.0.1:1/token")
    assert outcome.code == 0
    assert "MARGIN CALL" in outcome.out
    assert "JSON takes no alerts" in outcome.err
    assert "token" not in outcome.err


def test_what_a_failing_service_missed_is_told_to_the_others():
    taken = []
    works = Channel("works", lambda *said: taken.append(said) or True)
    broken = Channel("broken", lambda *_: False, ())
    _channel_turned(broken, (works, broken), works=False)
    works.close(10.0)
    broken.close(10.0)
    assert [(title, grave) for title, _, grave in taken] == [("broken takes no alerts", True)]
    assert broken.counts.failed == 0
