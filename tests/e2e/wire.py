"""HTTP/1 on raw sockets: what the tests send is bytes, what they read is checked strictly.

A Wire is one TCP connection with a read buffer, used at both ends (client of the proxy, scripted upstream).
Every read has a deadline and fails with Timeout; nothing here sleeps.
"""
import random
import re
import select
import socket
import struct
import time

READ_TIMEOUT = 10.0
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")


class Timeout(AssertionError):
    """Nothing came in time."""


class Closed(AssertionError):
    """The peer closed (or reset) in the middle of something."""


class Malformed(AssertionError):
    """The peer wrote something that is not HTTP/1."""


class Message:
    """One request or response as read from the wire."""

    def __init__(self, raw_head):
        self.raw_head = raw_head
        self.start_line, self.headers = parse_head(raw_head)
        self.body = b""
        self.raw_body = b""
        self.trailers = []
        self.framing = "none"
        self.complete = False
        self.time = time.monotonic()

    def get(self, name, default=None):
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return default

    def get_all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def names(self):
        return [key for key, _ in self.headers]

    # Responses.
    @property
    def version(self):
        return self.start_line.split(" ", 1)[0]

    @property
    def status(self):
        return int(self.start_line.split(" ", 2)[1])

    # Requests.
    @property
    def method(self):
        return self.start_line.split(" ")[0]

    @property
    def target(self):
        return self.start_line.split(" ")[1]

    def __repr__(self):
        return f"<{self.start_line!r} {self.headers} {len(self.body)} bytes, complete={self.complete}>"


def readable(sock, seconds):
    """poll(), since select() fails above descriptor 1023."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def parse_head(raw):
    """(start line, [(name, value)]); raises Malformed on anything RFC 9112 forbids a sender."""
    if not raw.endswith(b"\r\n\r\n"):
        raise Malformed(f"head does not end in an empty line: {raw[-40:]!r}")
    lines = raw[:-4].split(b"\r\n")
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.match(name) or b"\n" in line or b"\r" in line or b"\0" in line:
            raise Malformed(f"bad header line {line!r}")
        headers.append((name.decode("latin-1"), value.strip(b" \t").decode("latin-1")))
    return lines[0].decode("latin-1"), headers


class Wire:
    def __init__(self, sock, name=""):
        self.sock = sock
        self.name = name
        self.buffer = b""
        self.eof = False
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @classmethod
    def connect(cls, port, host="127.0.0.1", timeout=READ_TIMEOUT, receive_buffer=None):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(timeout)
        sock.connect((host, port))
        return cls(sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Writing.
    def send(self, data, timeout=READ_TIMEOUT):
        """Send all; raises Closed when the peer is gone."""
        self.sock.settimeout(timeout)
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed(f"send: {error}") from error
        except TimeoutError as error:
            raise Timeout("send did not finish") from error

    def try_send(self, data):
        try:
            self.send(data)
            return True
        except (Closed, OSError):
            return False

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass

    def reset(self):
        """Close with RST."""
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        self.close()

    # Reading.
    def fill(self, deadline):
        """Read once into the buffer; False at end of file (a reset is one, too)."""
        if self.eof:
            return False
        left = deadline - time.monotonic()
        if left <= 0 or not readable(self.sock, left):
            raise Timeout(f"{self.name} nothing more came; have {self.buffer[-200:]!r}")
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        if not data:
            self.eof = True
            return False
        self.buffer += data
        return True

    def read_until(self, delimiter, deadline, limit=1 << 22):
        while True:
            end = self.buffer.find(delimiter)
            if end >= 0:
                end += len(delimiter)
                data, self.buffer = self.buffer[:end], self.buffer[end:]
                return data
            if len(self.buffer) > limit:
                raise Malformed("no delimiter in sight")
            if not self.fill(deadline):
                raise Closed(f"closed before {delimiter!r}; have {self.buffer[:300]!r}")

    def read_exact(self, size, deadline):
        while len(self.buffer) < size:
            if not self.fill(deadline):
                raise Closed(f"closed {size - len(self.buffer)} bytes early")
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def read_to_eof(self, timeout=READ_TIMEOUT):
        """Everything until the peer closes."""
        deadline = time.monotonic() + timeout
        while self.fill(deadline):
            pass
        data, self.buffer = self.buffer, b""
        return data

    def closed_within(self, timeout):
        """True if the peer closes within that time without sending anything more."""
        deadline = time.monotonic() + timeout
        try:
            while self.fill(deadline):
                return False
        except Timeout:
            return False
        return not self.buffer

    def read_head(self, timeout=READ_TIMEOUT):
        return Message(self.read_until(b"\r\n\r\n", time.monotonic() + timeout))

    def read_response(self, method="GET", timeout=READ_TIMEOUT, partial=False):
        """One response with its body. `partial`: a cut body is returned with complete=False."""
        deadline = time.monotonic() + timeout
        message = Message(self.read_until(b"\r\n\r\n", deadline))
        if not re.match(r"HTTP/1\.[01] \d{3} ", message.start_line):
            raise Malformed(f"bad status line {message.start_line!r}")
        bodyless = method == "HEAD" or message.status in (204, 304) or message.status < 200
        return self._finish(message, bodyless, deadline, partial, is_response=True)

    def read_request(self, timeout=READ_TIMEOUT, partial=False):
        deadline = time.monotonic() + timeout
        message = Message(self.read_until(b"\r\n\r\n", deadline))
        return self._finish(message, False, deadline, partial, is_response=False)

    def _finish(self, message, bodyless, deadline, partial, is_response):
        try:
            self.read_body(message, bodyless, deadline, is_response)
            message.complete = True
        except Closed:
            if not partial:
                raise
        return message

    def read_body(self, message, bodyless, deadline, is_response):
        codings = [v.lower() for v in message.get_all("transfer-encoding")]
        lengths = message.get_all("content-length")
        if codings and lengths:
            raise Malformed("both transfer-encoding and content-length")
        if len(lengths) > 1:
            raise Malformed("two content-lengths")
        if bodyless:
            return
        if codings:
            if codings != ["chunked"]:
                raise Malformed(f"transfer-encoding {codings}")
            message.framing = "chunked"
            self._read_chunked(message, deadline)
        elif lengths:
            message.framing = "content-length"
            self._collect(message, int(lengths[0]), deadline)
        elif is_response:
            message.framing = "close"
            while self.fill(deadline):
                pass
            message.body, self.buffer = self.buffer, b""
            message.raw_body = message.body

    def _collect(self, message, size, deadline):
        while len(message.body) < size:
            if not self.buffer and not self.fill(deadline):
                raise Closed("body cut")
            part = self.buffer[: size - len(message.body)]
            self.buffer = self.buffer[len(part) :]
            message.body += part
            message.raw_body += part

    def _read_chunked(self, message, deadline):
        while True:
            line = self.read_until(b"\r\n", deadline)
            message.raw_body += line
            if not re.match(rb"[0-9a-fA-F]+(;[^\r\n]*)?\r\n\Z", line):
                raise Malformed(f"bad chunk header {line!r}")
            size = int(line.split(b";")[0], 16)
            if size == 0:
                break
            start = len(message.body)
            self._collect(message, start + size, deadline)
            end = self.read_exact(2, deadline)
            message.raw_body += end
            if end != b"\r\n":
                raise Malformed("chunk does not end in CRLF")
        while True:
            line = self.read_until(b"\r\n", deadline)
            message.raw_body += line
            if line == b"\r\n":
                return
            name, _, value = line[:-2].partition(b":")
            message.trailers.append((name.decode("latin-1"), value.strip().decode("latin-1")))


def response(status=200, headers=(), body=b"", reason="OK", length=True):
    """The bytes of a response head and body; a content-length is added unless told not to."""
    lines = [f"HTTP/1.1 {status} {reason}"] + [f"{k}: {v}" for k, v in headers]
    if length:
        lines.append(f"content-length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def request(method="GET", target="/", headers=(), body=b"", host="a.test", version="HTTP/1.1"):
    lines = [f"{method} {target} {version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{k}: {v}" for k, v in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def chunked(*parts):
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def noise(size):
    """The same bytes in each run, without a period: a block in the wrong place shows."""
    return random.Random(size).randbytes(size)
