"""The recording upstream: keeps the exact bytes of each connection, and what a strict reader makes of them.

One thread serves all connections, so that the order of arrival is known: a marker request is answered only after
everything that had arrived before it was read. Targets:
    /marker/N, /next/N   answered with a body that names them: a shifted answer shows
    /scripted            answered with the bytes of the case
    all others           recorded, answered with 200
"""
import re
import selectors
import socket
import threading
from dataclasses import dataclass

from wire import TOKEN, Closed, Malformed, Wire, response

TARGET = re.compile(r"[\x21-\x7e]+\Z")
HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*\Z")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
OURS = re.compile(r"/(marker|next)/\d+\Z")
READ_SIZE = 1 << 20
SEND_TIMEOUT = 5.0


class Replay(Wire):
    """Reads messages from bytes that are already there."""

    def __init__(self, data):  # No socket: what is missing is missing for ever.
        self.name = "replay"
        self.buffer = bytes(data)
        self.eof = True


def read_request(data):
    """(message, bytes used) of the first request in `data`. Raises Closed if it is not whole, Malformed if it has
    anything that two readers could take in two ways."""
    replay = Replay(data)
    head_end = data.find(b"\r\n\r\n")
    if re.search(rb"(?<!\r)\n|\r(?!\n|\Z)|\0", data[:head_end] if head_end >= 0 else data):
        raise Malformed("a bare CR, a bare LF or NUL in the head")
    message = replay.read_request()
    check_request(message)
    return message, len(data) - len(replay.buffer)


def check_request(message):
    """What the wire's own reader leaves open."""
    parts = message.start_line.split(" ")
    if len(parts) != 3 or not TOKEN.match(parts[0].encode("latin-1")) or not TARGET.match(parts[1]):
        raise Malformed(f"request line {message.start_line!r}")
    if parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise Malformed(f"version {parts[2]!r}")
    hosts = message.get_all("host")
    if len(hosts) > 1 or (not hosts and parts[2] == "HTTP/1.1"):
        raise Malformed(f"{len(hosts)} Host fields")
    if hosts and not HOST.match(hosts[0]):
        raise Malformed(f"Host {hosts[0]!r}")
    for length in message.get_all("content-length"):
        if not re.fullmatch(r"0|[1-9]\d{0,18}", length):
            raise Malformed(f"content-length {length!r}")
    for name, _ in message.trailers:
        if name.lower() in ("content-length", "transfer-encoding", "host"):
            raise Malformed(f"trailer {name}")
    for name, value in message.headers + message.trailers:
        if CONTROL.search(value) or not TOKEN.match(name.encode("latin-1")):
            raise Malformed(f"field {name!r}: {value!r}")


def seen(message):
    """As @sees has it."""
    host = message.get("host", "")
    return tuple(part.encode("latin-1") for part in (message.method, message.target, host)) + (message.body,)


@dataclass
class Script:
    """How /scripted is answered: `rest` when send_rest() is called."""

    first: bytes
    rest: bytes = b""
    close: bool = False


class Connection:
    def __init__(self, sock, number):
        self.sock = sock
        self.number = number
        self.buffer = b""
        self.open = True  # The proxy's side.
        self.refused = False  # Nothing more is read as requests.


class Recorder:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.poll = selectors.DefaultSelector()
        self.poll.register(self.listener, selectors.EVENT_READ, self.accept)
        self.wake_read, self.wake_write = socket.socketpair()
        self.poll.register(self.wake_read, selectors.EVENT_READ, None)
        self.connections = []
        self.total = 0  # Complete messages of all cases.
        self.count = 0
        self.stopping = False
        self.begin()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def begin(self, script=None):
        """Forget what was recorded; answer /scripted like this."""
        with self.lock:
            self.script = script
            self.messages = []  # Strictly read.
            self.bytes_of = []  # The bytes of each request, those that could not be read included.
            self.malformed = []  # Why what came could be read in two ways, or not at all.
            self.raw = b""  # All bytes but those of markers.
            self.scripted = None  # The connection that got the case's bytes.
            self.late = 0  # Requests behind the scripted answer on its connection.
            self.activity = 0  # Grows whenever bytes come that are no marker's.
            self.deferred = []

    def stop(self):
        self.stopping = True
        self.wake_write.send(b"x")
        self.thread.join(SEND_TIMEOUT)
        for sock in [self.listener, self.wake_read, self.wake_write] + [c.sock for c in self.connections]:
            sock.close()
        self.poll.close()

    def run(self):
        while not self.stopping:
            events = self.poll.select()
            with self.lock:
                while events:
                    for key, _ in events:
                        self.serve(key)
                    events = [] if self.stopping else self.poll.select(0)
                deferred, self.deferred = self.deferred, []
                for connection, target in deferred:
                    self.answer_own(connection, target)

    def serve(self, key):
        if key.data is None:
            return
        if isinstance(key.data, Connection):
            self.receive(key.data)
        else:
            key.data()

    def accept(self):
        sock, _ = self.listener.accept()
        sock.settimeout(SEND_TIMEOUT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.count += 1
        connection = Connection(sock, self.count)
        self.connections.append(connection)
        self.poll.register(sock, selectors.EVENT_READ, connection)

    def receive(self, connection):
        try:
            data = connection.sock.recv(READ_SIZE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            return self.close(connection)
        connection.buffer += data
        self.raw += data
        self.activity += len(data)
        while connection.buffer and not connection.refused:
            if not self.take(connection):
                break

    def close(self, connection):
        if connection.open:
            connection.open = False
            self.poll.unregister(connection.sock)
            connection.sock.close()
            self.connections.remove(connection)

    def take(self, connection):
        """One request of the buffer; False if there is none."""
        try:
            message, used = read_request(connection.buffer)
        except Closed:
            return False
        except (Malformed, ValueError) as error:
            self.malformed.append(str(error))
            self.bytes_of.append(connection.buffer)
            connection.refused = True
            self.send(connection, response(400, [("x-upstream", "refused"), ("connection", "close")], b"refused\n"))
            self.half_close(connection)
            return False
        request, connection.buffer = connection.buffer[:used], connection.buffer[used:]
        if self.scripted is connection:
            self.late += 1  # Answered already, and still in use.
        if OURS.match(message.target):
            self.raw = self.raw.replace(request, b"", 1)
            self.activity -= used
            self.deferred.append((connection, message.target))
        elif message.target == "/scripted" and self.script is not None:
            self.answer_scripted(connection)
        else:
            self.total += 1
            self.messages.append(message)
            self.bytes_of.append(request)
            body = b"" if message.method == "HEAD" else b"recorded\n"
            data = response(200, [("x-upstream", "recorded"), ("content-length", "9")], body, length=False)
            self.send(connection, data)
        return True

    def answer_own(self, connection, target):
        self.send(connection, response(200, [("x-upstream", "own")], target.encode()))

    def answer_scripted(self, connection):
        self.scripted = connection
        self.send(connection, self.script.first)
        if not self.script.rest:
            self.end_scripted()

    def send_rest(self):
        """The second part of a scripted answer that is sent in two. If the first was whole, the connection may have
        served others meanwhile; now it must not any more."""
        with self.lock:
            self.late = 0
            self.send(self.scripted, self.script.rest)
            self.end_scripted()

    def end_answer(self):
        """Let the scripted answer end in a close, whatever it was: what the proxy waits for does not come."""
        with self.lock:
            if self.scripted is not None:
                self.half_close(self.scripted)

    def end_scripted(self):
        if self.script.close:
            self.half_close(self.scripted)

    @staticmethod
    def send(connection, data):
        if connection.open:
            try:
                connection.sock.sendall(data)
            except OSError:
                pass  # The proxy has closed: receive() will see it.

    @staticmethod
    def half_close(connection):
        if connection.open:
            try:
                connection.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # Already closed.
