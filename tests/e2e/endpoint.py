"""A small HTTP endpoint as a process of its own, to be killed at any moment: `python3 endpoint.py PORT [ADDRESS]`.

Answers every request (no bodies) with 200 and 2,000 known bytes, keep-alive and pipelined; prints "ready" once.
"""
import asyncio
import socket
import sys

BODY = bytes(range(32, 127)) * 21 + b"12345"
REPLY = b"HTTP/1.1 200 OK\r\nx-endpoint: 1\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)


class Endpoint(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.tail = b""

    def data_received(self, data):
        data = self.tail + data
        count = data.count(b"\r\n\r\n")
        if count:
            self.transport.write(REPLY * count)
            data = data[data.rindex(b"\r\n\r\n") + 4 :]
        self.tail = data


async def serve(port, address):
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    server = await asyncio.get_running_loop().create_server(Endpoint, sock=sock, backlog=1024)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"))
