"""A disk that may lie about what it has kept, as every disk with a write cache does.

Usage: disk.py IMAGE SOCKET SEED. Serves IMAGE over NBD to one client on a Unix socket.

A write is answered as soon as it is in the cache; only a flush (or a write marked FUA) puts it on the medium. A client
that goes away without saying goodbye is a power cut: each block of the cache then survives or is lost by the toss of
a coin, so writes come out lost, out of order and torn. The same SEED tosses the same coins.

SIGUSR1 announces a power cut: the disk then stops at the next flush, when there is most to lose.
"""

import os
import random
import signal
import socket
import struct
import sys

SECTOR = 512
# What a disk of today writes whole or not at all. ext4 counts on it: it refuses a journal with a torn block.
BLOCK_SECTORS = 8
# A real disk's cache is small too; a full one is written out as a whole.
CACHE_SECTORS_MAX = (64 << 20) // SECTOR
ACCEPT_SECONDS_MAX = 60
REQUEST_BYTES_MAX = 32 << 20

OPTION_REPLY = 0x0003E889045565A9
OPTION_GO = 7
REPLY_ACK, REPLY_INFO, REPLY_UNSUPPORTED = 1, 3, 0x80000001
INFO_EXPORT, INFO_BLOCK_SIZE = 0, 3
HAS_FLAGS, SEND_FLUSH, SEND_FUA = 1, 4, 8
READ, WRITE, DISCONNECT, FLUSH = range(4)
FUA = 1
EINVAL = 22


class Disk:
    """The medium (a file) and the sectors that have not reached it."""

    def __init__(self, image, seed):
        self.medium = os.open(image, os.O_RDWR)
        self.size = os.fstat(self.medium).st_size
        self.cache = {}
        self.flushes = 0
        self.seed = seed
        self.doomed = False

    def read(self, offset, length):
        data = bytearray(os.pread(self.medium, length, offset))
        if self.cache:
            first = offset // SECTOR
            for i in range(length // SECTOR):
                sector = self.cache.get(first + i)
                if sector is not None:
                    data[i * SECTOR : (i + 1) * SECTOR] = sector
        return data

    def write(self, offset, data):
        first = offset // SECTOR
        for i in range(len(data) // SECTOR):
            self.cache[first + i] = data[i * SECTOR : (i + 1) * SECTOR]
        if len(self.cache) > CACHE_SECTORS_MAX:
            self.flush()

    def flush(self):
        self.keep(sorted(self.cache))
        self.flushes += 1

    def doom(self, *_):
        self.doomed = True

    def lose_power(self):
        coin = random.Random(self.seed)
        held = sorted({sector // BLOCK_SECTORS for sector in self.cache})
        kept = {block for block in held if coin.random() < 0.5}
        self.keep([sector for sector in sorted(self.cache) if sector // BLOCK_SECTORS in kept])
        return len(held), len(kept)

    def keep(self, sectors):
        run = []
        for sector in sectors:
            if run and sector != run[-1] + 1:
                self.put(run)
                run = []
            run.append(sector)
        if run:
            self.put(run)

    def put(self, run):
        os.pwrite(self.medium, b"".join(self.cache.pop(sector) for sector in run), run[0] * SECTOR)


def receive(client, length):
    data = bytearray()
    while len(data) < length:
        part = client.recv(length - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def negotiate(client, disk):
    def reply(option, kind, data=b""):
        client.sendall(struct.pack(">QIII", OPTION_REPLY, option, kind, len(data)) + data)

    client.sendall(b"NBDMAGIC" + b"IHAVEOPT" + struct.pack(">H", 1))
    receive(client, 4)
    while True:
        _, option, length = struct.unpack(">8sII", receive(client, 16))
        receive(client, length)
        if option != OPTION_GO:
            reply(option, REPLY_UNSUPPORTED)
            continue
        flags = HAS_FLAGS | SEND_FLUSH | SEND_FUA
        reply(option, REPLY_INFO, struct.pack(">HQH", INFO_EXPORT, disk.size, flags))
        reply(option, REPLY_INFO, struct.pack(">HIII", INFO_BLOCK_SIZE, SECTOR, 4096, REQUEST_BYTES_MAX))
        reply(option, REPLY_ACK)
        return


def serve(client, disk):
    """Answers requests until the client says goodbye (returns) or is gone (EOFError), which a caught flush waits for."""
    while True:
        _, flags, kind, handle, offset, length = struct.unpack(">IHHQQI", receive(client, 28))
        error, data = 0, b""
        if kind == READ:
            data = disk.read(offset, length)
        elif kind == WRITE:
            disk.write(offset, receive(client, length))
            if flags & FUA:
                written = range(offset // SECTOR, (offset + length) // SECTOR)
                disk.keep([sector for sector in written if sector in disk.cache])
        elif kind == FLUSH:
            if disk.doomed and disk.cache:
                print("caught in a flush", flush=True)
                receive(client, REQUEST_BYTES_MAX)
            disk.flush()
        elif kind == DISCONNECT:
            return
        else:
            error = EINVAL
        client.sendall(struct.pack(">IIQ", 0x67446698, error, handle) + data)


def main(image, path, seed):
    disk = Disk(image, seed)
    signal.signal(signal.SIGUSR1, disk.doom)
    listener = socket.socket(socket.AF_UNIX)
    # The socket appears only when it can be connected to: its path is what the starter waits for.
    listener.bind(path + ".new")
    listener.listen(1)
    os.rename(path + ".new", path)
    listener.settimeout(ACCEPT_SECONDS_MAX)
    client, _ = listener.accept()
    client.settimeout(None)
    try:
        negotiate(client, disk)
        serve(client, disk)
        disk.flush()
        print(f"switched off in order after {disk.flushes} flushes", flush=True)
    except (EOFError, ConnectionError):
        held, kept = disk.lose_power()
        print(f"power cut after {disk.flushes} flushes: {held} blocks in the cache, {kept} kept (seed {disk.seed})", flush=True)


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
