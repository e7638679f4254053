"""A small HTTP/2 client that keeps asking, follows GOAWAY to a new connection, and knows what a failed request is.

h2load stops for good at a GOAWAY, which every graceful replacement of a server sends.
"""

import asyncio
import functools
import ssl
import threading

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
REFUSED_STREAM = 7
# ":status: 200" is the eighth entry of HPACK's static table.
STATUS_200 = 0x88
TIMEOUT_SECONDS = 5


class Load(threading.Thread):
    """Requests for `/` of one host, some at a time on some connections, until finished."""

    def __init__(self, port, host, connections=8, streams=4):
        super().__init__(daemon=True)
        self.port, self.host = port, host
        self.connections, self.streams = connections, streams
        self.done = threading.Event()
        self.answered = self.retriable = self.opened = 0
        self.failures = {}

    def run(self):
        asyncio.run(self.keep_all())

    def finish(self):
        self.done.set()
        self.join(3 * TIMEOUT_SECONDS)
        return self

    def fail(self, why, count=1):
        if count:
            self.failures[why] = self.failures.get(why, 0) + count

    async def keep_all(self):
        await asyncio.gather(*(self.keep_one() for _ in range(self.connections)))

    async def keep_one(self):
        while not self.done.is_set():
            try:
                await Connection(self).run()
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
                self.fail(f"no connection ({type(error).__name__})")
                await asyncio.sleep(0.05)


class Connection:
    def __init__(self, load):
        self.load = load
        self.waiting = {}
        self.next_stream = 1
        self.leaving = False

    async def run(self):
        load = self.load
        opening = asyncio.open_connection("127.0.0.1", load.port, ssl=context(), server_hostname=load.host)
        self.reader, self.writer = await asyncio.wait_for(opening, TIMEOUT_SECONDS)
        load.opened += 1
        self.writer.write(PREFACE)
        self.send(b"", SETTINGS)
        # Wide enough for the whole run, so that no window has to be updated.
        self.send((2**30).to_bytes(4, "big"), WINDOW_UPDATE)
        try:
            await self.converse()
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
            load.fail(f"connection lost with requests in flight ({type(error).__name__})", len(self.waiting))
        finally:
            self.writer.close()

    async def converse(self):
        while True:
            if not (self.leaving or self.load.done.is_set()):
                self.ask()
            if not self.waiting:
                return
            await self.receive()

    def ask(self):
        while len(self.waiting) < self.load.streams:
            host = self.load.host.encode()
            # GET, https, "/", and the authority as a literal that is not indexed.
            block = b"\x82\x87\x84\x01" + bytes([len(host)]) + host
            self.send(block, HEADERS, END_STREAM | END_HEADERS, self.next_stream)
            self.waiting[self.next_stream] = None
            self.next_stream += 2

    def send(self, payload, kind, flags=0, stream=0):
        self.writer.write(len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload)

    async def receive(self):
        head = await asyncio.wait_for(self.reader.readexactly(9), TIMEOUT_SECONDS)
        payload = await asyncio.wait_for(self.reader.readexactly(int.from_bytes(head[:3], "big")), TIMEOUT_SECONDS)
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7FFFFFFF
        if kind == HEADERS and stream in self.waiting:
            self.waiting[stream] = self.waiting[stream] or status_is_200(payload, flags)
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self.answer(stream)
        elif kind == RST_STREAM:
            self.reset(stream, int.from_bytes(payload, "big"))
        elif kind == GOAWAY:
            self.leave(int.from_bytes(payload[:4], "big") & 0x7FFFFFFF)
        elif kind in (SETTINGS, PING) and not flags & ACK:
            self.send(payload if kind == PING else b"", kind, ACK)

    def answer(self, stream):
        if self.waiting.pop(stream, False):
            self.load.answered += 1
        else:
            self.load.fail("not 200")

    def reset(self, stream, code):
        self.waiting.pop(stream, None)
        if code == REFUSED_STREAM:
            # RFC 9113, 8.7: certainly not processed.
            self.load.retriable += 1
        else:
            self.load.fail(f"stream reset (code {code})")

    def leave(self, last_stream):
        self.leaving = True
        for stream in [one for one in self.waiting if one > last_stream]:
            del self.waiting[stream]
            self.load.retriable += 1


def status_is_200(payload, flags):
    at = (1 if flags & PADDED else 0) + (5 if flags & PRIORITY else 0)
    # Changes of the dynamic table's size (001xxxxx) may come first.
    while at < len(payload) and payload[at] & 0xE0 == 0x20:
        at += 1
    return at < len(payload) and payload[at] == STATUS_200


@functools.cache
def context():
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.set_alpn_protocols(["h2"])
    return made
