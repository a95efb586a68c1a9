"""Alerts: sent from threads, retried, joined when they wait; through apprise on the loopback."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from seawall.core import InputError
from seawall.desk.watch.channels import Channel, Message, close_all, open_channels


class Dripping:
    """A service that never ends its answer: a header a moment, so that no byte is ever late."""

    def __init__(self):
        self.calls = 0
        self._over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"json://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self._over.is_set():
            try:
                there, _ = self._socket.accept()
            except OSError:
                return
            self.calls += 1
            threading.Thread(target=self._drip, args=(there,), daemon=True).start()

    def _drip(self, there):
        with there, contextlib.suppress(OSError):
            there.recv(65_536)
            there.sendall(b"HTTP/1.1 200 OK\r\n")
            while not self._over.wait(0.2):
                there.sendall(b"X-A: b\r\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._over.set()
        self._socket.close()


def message(title="one", body="body", grave=True, received=0):
    return Message(title, body, grave, received)


class Service:
    """A web hook that notes what it is sent; it refuses the first ``refusals``."""

    def __init__(self, refusals=0):
        self.taken, self.refused = [], refusals
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if service.refused > 0:
                    service.refused -= 1
                    self.send_response(500)
                else:
                    service.taken.append(told)
                    self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def opened(url, retries=(0.01, 0.01), **options):
    pytest.importorskip("apprise", reason="apprise is an extra: pip install 'seawall[alerts]'")
    (channel,) = open_channels([url], retries, **options)
    return channel


def test_an_alert_reaches_a_service_through_apprise():
    with Service() as service:
        channel = opened(service.url)
        channel.tell(message("Margin call: ann", "add $664", received=time.perf_counter_ns()))
        channel.close(200.0)
        (taken,) = service.taken
    assert (taken["title"], taken["message"]) == ("Margin call: ann", "add $664")
    assert taken["type"] == "warning"
    assert (channel.counts.sent, channel.counts.failed) == (1, 0)
    assert 0 < channel.counts.nanoseconds[0] < 10e9


def test_a_service_that_refuses_is_asked_again():
    with Service(refusals=2) as service:
        channel = opened(service.url)
        channel.tell(message(grave=False))
        deadline = time.monotonic() + 200
        while not service.taken and time.monotonic() < deadline:
            time.sleep(0.01)
        channel.close(200.0)
        assert [t["type"] for t in service.taken] == ["info"]
    assert (channel.counts.sent, channel.counts.failed) == (1, 0)


def test_what_no_try_delivers_is_counted_and_the_next_is_sent():
    with Service(refusals=3) as service:
        channel = opened(service.url)
        channel.tell(message("lost"))
        deadline = time.monotonic() + 200
        while not channel.counts.failed and time.monotonic() < deadline:
            time.sleep(0.01)
        channel.tell(message("found"))
        channel.close(200.0)
        assert [t["title"] for t in service.taken] == ["found"]
    assert (channel.counts.sent, channel.counts.failed) == (1, 1)


def test_a_service_that_takes_nothing_is_told_of_once_and_when_it_is_back():
    turns, works = [], threading.Event()
    channel = Channel("flaky", lambda *_: works.is_set(), ())
    channel.on_turn = turns.append
    for count in (1, 2):
        channel.tell(message())
        deadline = time.monotonic() + 200
        while channel.counts.failed < count and time.monotonic() < deadline:
            time.sleep(0.005)
    works.set()
    channel.tell(message())
    channel.tell(message())
    channel.close(200.0)
    assert turns == [False, True]
    assert (channel.counts.sent, channel.counts.failed) == (2, 2)


def test_messages_that_wait_go_as_one_and_a_slow_service_holds_up_nobody():
    taken, busy, free = [], threading.Event(), threading.Event()

    def slow(title, body, grave):
        busy.set()
        free.wait(200)
        taken.append((title, body, grave))
        return True

    channel = Channel("slow", slow)
    channel.tell(message("first", "1", grave=False))
    busy.wait(200)
    channel.tell(message("calm", "2", grave=False))
    channel.tell(message("grave", "3"))
    # both were told while the first is still on its way
    assert taken == []
    free.set()
    channel.close(200.0)
    assert taken == [("first", "1", False), ("grave (and 1 more)", "2\n3", True)]
    assert channel.counts.sent == 3


def test_a_service_whose_library_raises_is_a_failure_and_no_end():
    def broken(*_):
        raise RuntimeError("no")

    channel = Channel("broken", broken, ())
    channel.tell(message())
    channel.close(200.0)
    assert channel.counts.failed == 1


def test_an_address_that_is_none_is_refused_without_its_secrets():
    pytest.importorskip("apprise", reason="apprise is an extra: pip install 'seawall[alerts]'")
    with pytest.raises(InputError) as error:
        open_channels(["nothing://my-secret-token@host", "json://127.0.0.1:1"])
    assert "nothing://…" in str(error.value)
    assert "my-secret-token" not in str(error.value)
    assert open_channels([]) == ()


def test_a_service_that_never_ends_its_answer_is_given_up_and_told_of():
    turns = []
    with Dripping() as service:
        channel = opened(service.url, (0.01,), deadline=4.0)
        channel.on_turn = turns.append
        channel.tell(message("first"))
        deadline = time.monotonic() + 200
        while not channel.counts.failed and time.monotonic() < deadline:
            time.sleep(0.01)
        # a second call is a new connection, and the next message is tried as the first was
        assert service.calls == 2
        assert (channel.counts.failed, channel.counts.waiting) == (1, 0)
        channel.tell(message("second"))
        while service.calls < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert channel.counts.waiting == 1
        # once the service is closed its answer ends, and may count
        assert turns == [False]


def test_what_hangs_at_the_end_is_counted_and_holds_up_no_other_channel():
    with Dripping() as service, Service() as good:
        hung, works = opened(service.url), opened(good.url)
        for channel in (hung, works):
            channel.tell(message("one"))
        deadline = time.monotonic() + 200
        while not (service.calls and works.counts.sent) and time.monotonic() < deadline:
            time.sleep(0.01)
        for channel in (hung, works):
            channel.tell(message("two"))
        close_all((hung, works), 8.0)
        # while it drips: the end of the service would end its answer, which then counts as taken
        assert (hung.counts.sent, hung.counts.failed, hung.counts.waiting) == (0, 0, 2)
        assert (works.counts.sent, works.counts.waiting) == (2, 0)


def test_a_watch_whose_service_hangs_ends_and_says_what_was_not_taken(tmp_path):
    pytest.importorskip("apprise", reason="apprise is an extra: pip install 'seawall[alerts]'")
    book, marks = tmp_path / "book.csv", tmp_path / "marks.csv"
    book.write_text(
        "account,venue,instrument,size,entry_price,mark_price,margin_mode,leverage,collateral\n"
        "ann,binance,BTCUSDT,2.5,92000,86600,isolated,10,23000\n"
    )
    marks.write_text("asset,mark\nBTC,84900\nBTC,83300\n")
    with Dripping() as service:
        command = ["watch", str(book), "--marks", str(marks), "--alert", service.url]
        done = subprocess.run(
            [sys.executable, "-c", "from seawall.app.cli import main; main()", *command],
            capture_output=True,
            text=True,
            timeout=240,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
    assert done.returncode == 0, done.stderr
    assert "JSON: 0 sent, 0 failed, 3 still not taken at the end" in done.stderr
