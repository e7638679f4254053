#!/usr/bin/env python3
"""RFC 6455 as far as an echo needs it: a server (`websocket.py PORT`) and a client that asks once a second."""

import asyncio
import base64
import hashlib
import os
import socket
import struct
import sys
import threading

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
FRAME_BYTES_MAX = 65536
HEAD_BYTES_MAX = 65536
TIMEOUT_SECONDS = 5


class Client(threading.Thread):
    """Sends a message a second and expects it back; `failure` says why it died, None while it lives."""

    def __init__(self, port, host):
        super().__init__(daemon=True)
        self.connection = socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS)
        self.connection.sendall(upgrade_request(host))
        head = b""
        while b"\r\n\r\n" not in head and len(head) < HEAD_BYTES_MAX:
            more = self.connection.recv(1)
            if not more:
                break
            head += more
        self.failure = None if head.startswith(b"HTTP/1.1 101") else f"no upgrade: {head[:80]!r}"
        self.echoes = 0
        self.done = threading.Event()

    def run(self):
        while self.failure is None and not self.done.is_set():
            try:
                self.exchange(f"message {self.echoes}".encode())
            except (OSError, ValueError) as error:
                self.failure = f"{type(error).__name__}: {error}"
                return
            self.echoes += 1
            self.done.wait(1)

    def exchange(self, message):
        self.connection.sendall(frame(TEXT, message, mask=os.urandom(4)))
        kind, answer = self.receive()
        if kind != TEXT or answer != message:
            raise ValueError(f"got {kind} {answer!r} for {message!r}")

    def receive(self):
        first, second = self.exactly(2)
        length = second & 0x7F
        if length == 126:
            length = struct.unpack(">H", self.exactly(2))[0]
        return first & 0x0F, self.exactly(length)

    def exactly(self, count):
        received = b""
        while len(received) < count:
            more = self.connection.recv(count - len(received))
            if not more:
                raise ValueError("the connection ended")
            received += more
        return received

    def finish(self):
        """Returns the number of echoes and what went wrong, if anything did."""
        self.done.set()
        self.join(2 * TIMEOUT_SECONDS)
        self.connection.close()
        return self.echoes, self.failure


def upgrade_request(host):
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET /echo HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    ).encode()


def frame(kind, payload, mask=None):
    """A final frame of at most 65,535 bytes; clients have to mask theirs."""
    masked = 0x80 if mask else 0
    short = len(payload) < 126
    head = bytes([0x80 | kind, masked | (len(payload) if short else 126)])
    if not short:
        head += struct.pack(">H", len(payload))
    if mask:
        return head + mask + unmask(payload, mask)
    return head + payload


def unmask(payload, mask):
    return bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


async def serve(reader, writer):
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        writer.write(upgrade_answer(head))
        while await echo(reader, writer):
            pass
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def upgrade_answer(head):
    fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    if fields.get("upgrade") != "websocket":
        return b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    # The key is case-sensitive, so it is taken from the text as it came.
    key = next(line.split(": ", 1)[1] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key: "))
    accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    return (
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
    ).encode()


async def echo(reader, writer):
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        length = struct.unpack(">H", await reader.readexactly(2))[0]
    if length > FRAME_BYTES_MAX:
        return False
    mask = await reader.readexactly(4)
    payload = unmask(await reader.readexactly(length), mask)
    kind = first & 0x0F
    writer.write(frame(PONG if kind == PING else kind, payload))
    await writer.drain()
    return kind != CLOSE


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
