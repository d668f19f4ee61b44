"""A scripted upstream: records the exact bytes of each request, answers as its script says.

A script is a callable taking an UpstreamConnection; it runs in a thread of its own per connection and may
read requests, send whole or dribbled bytes, wait until told, close, reset, or never answer.
"""
import socket
import threading
import time

from wire import Closed, Timeout, Wire, response

STOP_TIMEOUT = 5.0
DRAIN_TIMEOUT = 5.0


class UpstreamConnection(Wire):
    """The upstream's end of one connection from the proxy."""

    def __init__(self, sock, owner, number):
        super().__init__(sock, name=f"upstream connection {number}")
        self.owner = owner
        self.number = number
        self.thread = None

    def next_request(self, timeout=30.0, partial=False):
        """Read and record one request; None when the proxy closed instead."""
        try:
            message = self.read_request(timeout, partial)
        except (Closed, Timeout):
            return None
        message.connection = self.number
        self.owner.record(message)
        return message

    def next_head(self, timeout=30.0):
        """Read and record only a request's head."""
        try:
            message = self.read_head(timeout)
        except (Closed, Timeout):
            return None
        message.connection = self.number
        self.owner.record(message)
        return message

    def wait_told(self, timeout=30.0):
        """Wait until the test calls upstream.tell(); False when the upstream is stopping."""
        return self.owner.told.wait(timeout) and not self.owner.stopping


class Blackhole:
    """A loopback port where connects hang: its backlog is full, and the kernel drops further SYNs (listen(2))."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.waiting = socket.create_connection(("127.0.0.1", self.port))

    def stop(self):
        self.waiting.close()
        self.listener.close()


class ScriptedUpstream:
    """Listens on a loopback port. `script` may be replaced at any time: it is read for each new connection."""

    def __init__(self, script=None, host="127.0.0.1", port=0, backlog=1024):
        self.script = script or reply_always()
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(backlog)
        self.host, self.port = self.listener.getsockname()
        self.lock = threading.Condition()
        self.told = threading.Event()
        self.requests = []
        self.connections = []
        self.errors = []
        self.stopping = False
        self.accepting = threading.Thread(target=self._accept, daemon=True)
        self.accepting.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def record(self, message):
        with self.lock:
            self.requests.append(message)
            self.lock.notify_all()

    def settle(self, script=None):
        """End all open connections and wait until the proxy has closed its ends, too, so that no pooled connection
        of an earlier case is left; then forget what was recorded and take the next script."""
        self.told.set()
        with self.lock:
            old, self.connections = self.connections, []
        for connection in old:
            _half_close(connection)
        for connection in old:
            connection.thread.join(2 * DRAIN_TIMEOUT)
        with self.lock:
            self.requests.clear()
            self.errors.clear()
        self.told.clear()
        self.script = script or reply_always()

    def tell(self):
        """Let the scripts that are waiting go on."""
        self.told.set()

    def wait_requests(self, count, timeout=10.0):
        """The first `count` requests, in order of arrival."""
        with self.lock:
            if not self.lock.wait_for(lambda: len(self.requests) >= count, timeout):
                raise Timeout(f"{len(self.requests)} of {count} requests came: {self.requests}")
            return list(self.requests)

    def wait_connections(self, count, timeout=10.0):
        with self.lock:
            if not self.lock.wait_for(lambda: len(self.connections) >= count, timeout):
                raise Timeout(f"{len(self.connections)} of {count} connections came")

    def stop(self):
        self.stopping = True
        self.told.set()
        _close_listener(self.listener)
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            _shut(connection)
        self.accepting.join(STOP_TIMEOUT)

    def _accept(self):
        while not self.stopping:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                connection = UpstreamConnection(sock, self, len(self.connections) + 1)
                self.connections.append(connection)
                connection.thread = threading.Thread(
                    target=self._run, args=(connection, self.script), daemon=True
                )
                connection.thread.start()
                self.lock.notify_all()

    def _run(self, connection, script):
        try:
            script(connection)
        except (Closed, Timeout, OSError, ValueError):
            pass  # The proxy left, or the test is over: the script has nothing more to say.
        except Exception as error:  # What the proxy sent is not HTTP, or the script is wrong: tests assert on this.
            self.errors.append(repr(error))
        finally:
            _finish(connection)


def _finish(connection):
    """FIN, then wait for the proxy's: when the script's thread has ended, the proxy has noticed."""
    _half_close(connection)
    deadline = time.monotonic() + DRAIN_TIMEOUT
    try:
        while connection.fill(deadline):
            connection.buffer = b""
    except (Timeout, OSError, ValueError):
        pass  # It kept its end open, or we had closed ours: nothing to wait for.
    connection.close()


def _half_close(connection):
    try:
        connection.sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # Already closed.


def _shut(connection):
    try:
        connection.sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def _close_listener(listener):
    try:
        listener.shutdown(socket.SHUT_RDWR)  # Wakes the accept() in the other thread.
    except OSError:
        pass
    listener.close()


def for_method(method, data):
    """These bytes of a response as an answer to that method: HEAD has no body."""
    head, end, _ = data.partition(b"\r\n\r\n")
    return head + end if method == "HEAD" else data


def reply_always(data=None, delay_told=False):
    """Answer every request of a connection with the same bytes."""
    data = data if data is not None else response(headers=[("x-up", "1")], body=b"hello\n")

    def script(connection):
        while (message := connection.next_request()) is not None:
            if delay_told and not connection.wait_told():
                return
            connection.send(for_method(message.method, data))

    return script


def reply_each(*replies):
    """Answer the n-th request of a connection with the n-th bytes; then close."""

    def script(connection):
        for data in replies:
            if connection.next_request() is None:
                return
            connection.send(data)
        connection.next_request()

    return script


def reply_then_close(data, reset=False):
    def script(connection):
        if connection.next_request() is None:
            return
        connection.send(data)
        if reset:
            connection.reset()

    return script


def never(connection):
    """Read whatever comes and never answer, until the proxy closes."""
    if connection.next_request() is not None:
        while connection.fill(time.monotonic() + 60):
            pass


def dribble(data, pieces):
    """Send the reply in `pieces` parts, each after the earlier has left (TCP_NODELAY)."""

    def script(connection):
        while connection.next_request() is not None:
            step = max(1, len(data) // pieces)
            for start in range(0, len(data), step):
                connection.send(data[start : start + step])

    return script
