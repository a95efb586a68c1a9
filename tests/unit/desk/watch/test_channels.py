"""Alerts: sent from threads, retried, joined when they wait; through apprise on the loopback."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from seawall.core import InputError
from seawall.desk.watch.channels import Channel, Message, open_channels


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
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def opened(url, retries=(0.01, 0.01)):
    pytest.importorskip("apprise", reason="apprise is an extra: pip install 'seawall[alerts]'")
    (channel,) = open_channels([url], retries)
    return channel


def test_an_alert_reaches_a_service_through_apprise():
    with Service() as service:
        channel = opened(service.url)
        channel.tell(message("Margin call: ann", "add $664", received=time.perf_counter_ns()))
        channel.close(10.0)
        (taken,) = service.taken
    assert (taken["title"], taken["message"]) == ("Margin call: ann", "add $664")
    assert taken["type"] == "warning"
    assert (channel.counts.sent, channel.counts.failed) == (1, 0)
    assert 0 < channel.counts.nanoseconds[0] < 10e9


def test_a_service_that_refuses_is_asked_again():
    with Service(refusals=2) as service:
        channel = opened(service.url)
        channel.tell(message(grave=False))
        deadline = time.monotonic() + 10
        while not service.taken and time.monotonic() < deadline:
            time.sleep(0.01)
        channel.close(10.0)
        assert [t["type"] for t in service.taken] == ["info"]
    assert (channel.counts.sent, channel.counts.failed) == (1, 0)


def test_what_no_try_delivers_is_counted_and_the_next_is_sent():
    with Service(refusals=3) as service:
        channel = opened(service.url)
        channel.tell(message("lost"))
        deadline = time.monotonic() + 10
        while not channel.counts.failed and time.monotonic() < deadline:
            time.sleep(0.01)
        channel.tell(message("found"))
        channel.close(10.0)
        assert [t["title"] for t in service.taken] == ["found"]
    assert (channel.counts.sent, channel.counts.failed) == (1, 1)


def test_a_service_that_takes_nothing_is_told_of_once_and_when_it_is_back():
    turns, works = [], threading.Event()
    channel = Channel("flaky", lambda *_: works.is_set(), ())
    channel.on_turn = turns.append
    for count in (1, 2):
        channel.tell(message())
        deadline = time.monotonic() + 10
        while channel.counts.failed < count and time.monotonic() < deadline:
            time.sleep(0.005)
    works.set()
    channel.tell(message())
    channel.tell(message())
    channel.close(10.0)
    assert turns == [False, True]
    assert (channel.counts.sent, channel.counts.failed) == (2, 2)


def test_messages_that_wait_go_as_one_and_a_slow_service_holds_up_nobody():
    taken, busy, free = [], threading.Event(), threading.Event()

    def slow(title, body, grave):
        busy.set()
        free.wait(10)
        taken.append((title, body, grave))
        return True

    channel = Channel("slow", slow)
    channel.tell(message("first", "1", grave=False))
    busy.wait(10)
    begun = time.monotonic()
    channel.tell(message("calm", "2", grave=False))
    channel.tell(message("grave", "3"))
    assert time.monotonic() - begun < 5
    free.set()
    channel.close(10.0)
    assert taken == [("first", "1", False), ("grave (and 1 more)", "2\n3", True)]
    assert channel.counts.sent == 3


def test_a_service_whose_library_raises_is_a_failure_and_no_end():
    def broken(*_):
        raise RuntimeError("no")

    channel = Channel("broken", broken, ())
    channel.tell(message())
    channel.close(10.0)
    assert channel.counts.failed == 1


def test_an_address_that_is_none_is_refused_without_its_secrets():
    pytest.importorskip("apprise", reason="apprise is an extra: pip install 'seawall[alerts]'")
    with pytest.raises(InputError) as error:
        open_channels(["nothing://my-secret-token@host", "json://127.0.0.1:1"])
    assert "nothing://…" in str(error.value)
    assert "my-secret-token" not in str(error.value)
    assert open_channels([]) == ()
