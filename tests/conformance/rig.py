"""One proxy before the recording upstream, and how a case is played to it.

Nothing here sleeps. To know that nothing more comes, marker requests go through the same proxy (one worker) on
connections of their own: when several in a row were answered and neither the client nor the upstream has got a byte
more, all that was sent before has been dealt with.
"""
import time
from dataclasses import dataclass, field

from recorder import CONTROL, Recorder, Replay, Script, seen
from wire import TOKEN, Closed, Malformed, Timeout, Wire

QUIET_ROUNDS = 3


class Poisoned(AssertionError):
    """Another client's request was not answered, or with an answer that is not its own."""


@dataclass
class Answer:
    """One response as the client got it."""

    status: int
    body: bytes
    complete: bool
    own: bool  # Written by the proxy itself.

    @property
    def own_error(self):
        return self.own and self.status >= 500


@dataclass
class Seen:
    """What became of one case."""

    answers: list = field(default_factory=list)
    raw: bytes = b""  # What the client got.
    broken: str = ""  # Why that is not HTTP.
    eof: bool = False
    messages: list = field(default_factory=list)  # What the upstream got: METHOD TARGET HOST BODY.
    malformed: list = field(default_factory=list)
    bytes_of: list = field(default_factory=list)  # The bytes of each of both.
    upstream_raw: bytes = b""
    poisoned: str = ""  # Another client's request was lost or wrongly answered.
    kept: bool = False  # Responses: the scripted connection is still open.
    reused: int = 0  # Responses: requests that came behind the scripted answer on its connection.
    next_answers: list = field(default_factory=list)  # Responses: what came to the request behind it.


class Client(Wire):
    """Collects what comes without waiting for it."""

    def pump(self):
        self.sock.settimeout(0)
        while not self.eof:
            try:
                data = self.sock.recv(1 << 20)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            self.eof = not data
            self.buffer += data


def check_response(message):
    """What the wire's own reader leaves open."""
    if CONTROL.search(message.start_line):
        raise Malformed(f"status line {message.start_line!r}")
    for name, value in message.trailers:
        if not TOKEN.match(name.encode("latin-1")) or CONTROL.search(value):
            raise Malformed(f"trailer {name!r}: {value!r}")


def read_answers(raw, eof, methods):
    """([Answer], why the rest is not HTTP) of what a client got to requests of these methods. Interim responses are
    left out."""
    replay = Replay(raw)
    answers = []
    methods = list(methods)
    while replay.buffer:
        method = methods[0] if methods else "GET"
        try:
            message = replay.read_response(method, partial=True)
            check_response(message)
        except Closed:
            return answers, "" if eof else "half a head"
        except (Malformed, ValueError) as error:
            return answers, str(error)
        if message.status < 200 and message.status != 101:
            continue
        methods = methods[1:]
        complete = message.complete and (message.framing != "close" or eof)
        own = message.get("x-upstream") is None
        answers.append(Answer(message.status, message.body, complete, own))
        if not complete:
            break
    return answers, ""


class Rig:
    def __init__(self, make_proxy, timeout=10.0, patience=0):
        """`make_proxy(upstream port)` starts a proxy and returns it; it has .port, .stop() and .running(). With
        `patience`, so many error answers to a plain request are borne: a proxy that does not repeat a request on a
        pooled connection that has just been closed sends a 503, which is no other client's answer."""
        self.recorder = Recorder()
        self.proxy = make_proxy(self.recorder.port)
        self.timeout = timeout
        self.patience = patience
        self.serial = 0

    def stop(self):
        self.proxy.stop()
        self.recorder.stop()

    def connect(self):
        return Client.connect(self.proxy.port, timeout=self.timeout)

    def marker(self, kind="marker"):
        """One plain request of another client, answered rightly."""
        for attempt in range(self.patience + 1):
            self.serial += 1
            target = f"/{kind}/{self.serial}"
            try:
                with self.connect() as wire:
                    wire.send(f"GET {target} HTTP/1.1\r\nHost: marker.test\r\nConnection: close\r\n\r\n".encode())
                    answers, broken = read_answers(wire.read_to_eof(self.timeout), True, [])
            except (Closed, Timeout, OSError) as error:
                raise Poisoned(f"{kind} not answered: {error}") from error
            if attempt < self.patience and len(answers) == 1 and answers[0].own_error:
                continue
            self.expect_own(answers, target, broken)
            return

    @staticmethod
    def expect_own(answers, target, broken=""):
        """A plain request got one answer, its own."""
        good = [(answer.status, answer.body, answer.complete) for answer in answers] == [(200, target.encode(), True)]
        if broken or not good:
            what = ", ".join(f"{answer.status} {answer.body[:40]!r}" for answer in answers)
            raise Poisoned(f"a plain request was answered with {what or 'nothing'} {broken}".rstrip())

    def settle(self, *clients):
        """Until nothing more comes; see above."""
        quiet = 0
        last = None
        deadline = time.monotonic() + 6 * self.timeout
        while quiet < QUIET_ROUNDS:
            self.marker()
            for client in clients:
                client.pump()
            state = [self.recorder.activity] + [(len(client.buffer), client.eof) for client in clients]
            quiet = quiet + 1 if state == last else 0
            last = state
            if time.monotonic() > deadline:
                raise Poisoned("it never comes to rest")

    # Requests.
    def play_request(self, case, pieces=None, apart=True):
        """Send the case's bytes; in `pieces`, if they are given: the proxy has dealt with each before the next comes,
        unless they need not be kept `apart`."""
        self.recorder.begin()
        result = Seen()
        client = self.connect()
        try:
            for number, piece in enumerate(pieces or [case.data]):
                if number and apart:
                    self.marker()
                client.try_send(piece)
            self.end_sending(case, client)
            self.settle(client)
            result.raw, result.eof = client.buffer, client.eof
            client.close()
            self.settle()
        except Poisoned as error:
            result.poisoned = str(error)
            result.raw, result.eof = client.buffer, client.eof
        finally:
            client.close()
        self.collect(result)
        method = case.data.lstrip(b"\r\n").split(b" ", 1)[0].decode("latin-1")
        methods = [message[0].decode("latin-1") for message in result.messages] or [method]
        result.answers, result.broken = read_answers(result.raw, result.eof, methods)
        return result

    @staticmethod
    def end_sending(case, client):
        if case.end == "close":
            try:
                client.half_close()
            except OSError:
                pass  # The proxy has reset the connection.

    def collect(self, result):
        recorder = self.recorder
        with recorder.lock:
            result.messages = [seen(message) for message in recorder.messages]
            result.malformed = list(recorder.malformed)
            result.bytes_of = list(recorder.bytes_of)
            result.upstream_raw = recorder.raw
            scripted = recorder.scripted
            result.kept = scripted is not None and scripted.open
            result.reused = recorder.late

    # Responses.
    def play_response(self, case, cut=None):
        """Ask, let the upstream answer with the case's bytes (in two parts), then ask for something else: on the same
        connection if it is open, and on a new one."""
        data = case.data
        first, rest = (data, b"") if cut is None else (data[:cut], data[cut:])
        self.recorder.begin(Script(first, rest, case.end == "close"))
        result = Seen()
        client = self.connect()
        try:
            client.send(f"{case.asked} /scripted HTTP/1.1\r\nHost: case.test\r\n\r\n".encode())
            self.settle(client)
            if rest:
                self.recorder.send_rest()
                self.settle(client)
            if not self.is_answered(case, client):
                self.recorder.end_answer()
                self.settle(client)
            result.raw, result.eof = client.buffer, client.eof
            self.ask_next(case, client, result)
            client.close()
            self.marker("next")
            self.settle()
        except Poisoned as error:
            result.poisoned = str(error)
            result.raw, result.eof = result.raw or client.buffer, client.eof
        finally:
            client.close()
        self.collect(result)
        result.answers, result.broken = read_answers(result.raw, result.eof, [case.asked])
        return result

    @staticmethod
    def is_answered(case, client):
        answers, broken = read_answers(client.buffer, client.eof, [case.asked])
        return client.eof or (answers and answers[-1].complete and not broken)

    def ask_next(self, case, client, result):
        """A further request on the case's own connection must get its own answer."""
        if client.eof or not self.is_answered(case, client):
            return
        client.buffer = b""
        self.serial += 1
        target = f"/next/{self.serial}"
        client.try_send(f"GET {target} HTTP/1.1\r\nHost: next.test\r\n\r\n".encode())
        self.settle(client)
        result.next_answers, broken = read_answers(client.buffer, client.eof, [])
        if len(result.next_answers) != 1 or not (self.patience and result.next_answers[0].own_error):
            self.expect_own(result.next_answers, target, broken)
