#!/usr/bin/env python3
"""A gate on a TCP path: passes bytes both ways and, at a given byte of a direction, cuts, holds or slows them down.

    gate.py LISTEN TARGET [forward|back:BYTE:ACTION ...]     ports of 127.0.0.1; ACTION as below, until interrupted

`forward` is what the side that connected says. Each new connection takes the plan that is set then. A step at byte N
comes when N bytes have been passed in its direction:
    fin      ends this direction, as if its sender had: what it says after that is dropped; the other direction goes on
    close    ends both directions with a FIN
    reset    ends both with a RST
    fin-reset  a FIN in this direction, and the RST right behind it
    hold     passes nothing more in this direction until tell()
    dribble  from here on one byte at a time
One thread serves all connections.
"""
import contextlib
import selectors
import socket
import struct
import sys
import threading

ABORT = struct.pack("ii", 1, 0)
SEND_TIMEOUT = 10.0


class Plan:
    """What happens to the connections that take it."""

    def __init__(self, forward=(), back=()):
        self.forward, self.back = forward, back
        self.reached = threading.Event()  # A step has been taken.
        self.left = threading.Event()  # One end of a connection has finished or reset.
        self.told = False


class Way:
    """One direction of a link."""

    def __init__(self, source, sink, steps):
        self.source, self.sink = source, sink
        self.steps = sorted(steps, key=lambda step: step[0])
        self.passed = 0
        self.most = 65536
        self.ended = False
        self.dropping = False
        self.held = False

    def room(self):
        """How much may be passed before the next step."""
        return min(self.most, self.steps[0][0] - self.passed) if self.steps else self.most


class Link:
    def __init__(self, near, far, plan):
        self.near, self.far, self.plan = near, far, plan
        self.ways = [Way(near, far, plan.forward), Way(far, near, plan.back)]

    def close(self, abort=False):
        for sock in (self.near, self.far):
            if abort:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            sock.close()


class Gate:
    def __init__(self, target, port=0):
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.port = self.listener.getsockname()[1]
        self.plan = Plan()
        self.links = set()
        self.latest = None
        self.selector = selectors.DefaultSelector()
        self.wake_read, self.wake_write = socket.socketpair()
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        self.selector.register(self.wake_read, selectors.EVENT_READ, self.wake)
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def set(self, **steps):
        """The plan of the connections to come: set(back=[(17, "reset")])."""
        self.plan = Plan(**steps)
        return self.plan

    def tell(self):
        """Lets pass what the present plan holds."""
        self.plan.told = True
        self.wake_write.send(b"x")

    def stop(self):
        self.stopping = True
        self.wake_write.send(b"x")
        self.thread.join(SEND_TIMEOUT)

    # In the gate's thread.
    def run(self):
        while not self.stopping:
            for key, _ in self.selector.select():
                key.data()
        for link in list(self.links):
            self.end(link, abort=True)
        self.listener.close()
        self.selector.close()

    def wake(self):
        self.wake_read.recv(100)
        for link in list(self.links):
            for way in link.ways:
                if way.held and link.plan.told:
                    way.held = False
                    self.listen(link, way)
                    self.step(link, way)

    def accept(self):
        near, _ = self.listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self.target), SEND_TIMEOUT)
        except OSError:
            near.close()
            return
        for sock in (near, far):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(SEND_TIMEOUT)
        link = Link(near, far, self.plan)
        self.links.add(link)
        self.latest = link
        for way in link.ways:
            self.listen(link, way)
            self.step(link, way)

    def listen(self, link, way):
        self.selector.register(way.source, selectors.EVENT_READ, lambda: self.move(link, way))

    def move(self, link, way):
        """The source of this direction has something to say."""
        if link not in self.links or way.held:
            return
        try:
            data = way.source.recv(65536 if way.dropping else way.room())
            if data and not way.dropping:
                way.sink.sendall(data)
        except OSError:  # One end has reset, or takes nothing: the other learns of it.
            self.end(link, abort=True)
            return
        if not data:
            self.finish(link, way)
        elif not way.dropping:
            way.passed += len(data)
            self.step(link, way)

    def finish(self, link, way):
        """Nothing more comes this way."""
        way.ended = True
        link.plan.left.set()
        self.selector.unregister(way.source)
        if not way.dropping:
            with contextlib.suppress(OSError):
                way.sink.shutdown(socket.SHUT_WR)
        if all(each.ended for each in link.ways):
            self.end(link)

    def step(self, link, way):
        """Takes the steps that are due."""
        while link in self.links and way.steps and way.steps[0][0] == way.passed and not way.held:
            action = way.steps.pop(0)[1]
            if action in ("close", "reset"):
                self.end(link, abort=action == "reset")
            elif action in ("fin", "fin-reset"):
                with contextlib.suppress(OSError):
                    way.sink.shutdown(socket.SHUT_WR)
                way.dropping = True
                if action == "fin-reset":
                    self.end(link, abort=True)
            elif action == "hold":
                way.held = not link.plan.told
                if way.held:
                    self.selector.unregister(way.source)
            else:
                way.most = 1
            link.plan.reached.set()

    def end(self, link, abort=False):
        self.links.discard(link)
        for way in link.ways:
            if not way.ended and not way.held:
                self.selector.unregister(way.source)
        link.close(abort)
        link.plan.left.set()


def main(arguments):
    plan = {"forward": [], "back": []}
    for step in arguments[2:]:
        direction, byte, action = step.split(":")
        plan[direction].append((int(byte), action))
    gate = Gate(int(arguments[1]), int(arguments[0]))
    gate.set(**plan)
    gate.thread.join()


if __name__ == "__main__":
    main(sys.argv[1:])
