"""What holdfast_faulty (faults.cpp) is told: which system calls count, and what the N-th of them does."""
import errno
import mmap
import struct

KINDS = ("accept", "socket", "connect", "connected", "register", "wait", "read", "write", "option", "shutdown")
SHORT, AGAIN, JUMP = -1, -2, -3
LAYOUT = struct.Struct("=Ii q q q q")  # kinds, action, jump, countdown, hits, elapsed
COUNTDOWN_AT, HITS_AT = 16, 24


class Fault:
    """An action for the N-th call of these kinds."""

    def __init__(self, name, kinds, action, jump=0.0):
        self.name = name
        self.kinds = sum(1 << KINDS.index(kind) for kind in kinds)
        self.action = action
        self.jump = int(jump * 1e9)

    def __repr__(self):
        return self.name


def errors(kind, *names):
    return [Fault(f"{kind}: {name}", [kind], getattr(errno, name)) for name in names]


FAULTS = [
    *errors("accept", "EMFILE", "ENOMEM", "ECONNABORTED", "EINTR"),
    *errors("socket", "EMFILE", "ENOBUFS"),
    *errors("connect", "ECONNREFUSED", "EADDRNOTAVAIL"),
    *errors("connected", "ECONNREFUSED"),
    *errors("register", "ENOMEM"),
    *errors("wait", "EINTR"),
    *errors("read", "ECONNRESET", "EINTR"),
    Fault("read: one byte", ["read"], SHORT),
    Fault("read: nothing yet", ["read"], AGAIN),
    *errors("write", "EPIPE", "ECONNRESET", "EINTR"),
    Fault("write: one byte", ["write"], SHORT),
    Fault("write: full", ["write"], AGAIN),
    *errors("option", "ENOBUFS"),
    *errors("shutdown", "ENOTCONN"),
    # Deadlines of seconds (connect, hold), of half a minute (route, request head), of an hour (idle).
    *[Fault(f"{seconds} s later", set(KINDS) - {"wait"}, JUMP, seconds) for seconds in (2, 30, 4000)],
]


class Control:
    """The shared file. One process reads it, one test writes it."""

    def __init__(self, path):
        self.path = str(path)
        with open(self.path, "wb") as file:
            file.write(bytes(LAYOUT.size))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), LAYOUT.size)

    def arm(self, fault, number):
        """The `number`-th call from now will have it."""
        elapsed = LAYOUT.unpack_from(self.map)[-1]
        LAYOUT.pack_into(self.map, 0, fault.kinds, fault.action, fault.jump, 0, 0, elapsed)
        struct.pack_into("=q", self.map, COUNTDOWN_AT, number)

    def disarm(self):
        """Whether the call came."""
        struct.pack_into("=q", self.map, COUNTDOWN_AT, 0)
        return struct.unpack_from("=q", self.map, HITS_AT)[0] != 0

    def close(self):
        self.map.close()
