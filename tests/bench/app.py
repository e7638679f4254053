"""A small app that Ondol runs: it says which release it is of, and keeps what it is told in SQLite where it has a database.

It listens as it is told to ($LISTEN_FDS, $ONDOL_SOCKET or $PORT), starts in a few milliseconds, and answers one request after another.
"""

import os
import selectors
import socket

DATABASE = os.environ.get("DATABASE")
RELEASE = os.environ.get("ONDOL_RELEASE", "")
HEAD_BYTES_MAX = 16384


def main():
    listener = its_listener()
    listener.setblocking(False)
    database = open_database() if DATABASE else None
    poll = selectors.DefaultSelector()
    poll.register(listener, selectors.EVENT_READ)
    heads = {}
    while True:
        for key, _ in poll.select():
            if key.fileobj is listener:
                accept(poll, listener, heads)
            elif not serve(key.fileobj, heads, database):
                poll.unregister(key.fileobj)
                del heads[key.fileobj]
                key.fileobj.close()


def its_listener():
    if os.environ.get("LISTEN_PID") == str(os.getpid()):
        return socket.socket(fileno=3)
    if "PORT" in os.environ:
        return socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=128)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.environ["ONDOL_SOCKET"])
    listener.listen(128)
    return listener


def open_database():
    import sqlite3

    database = sqlite3.connect(DATABASE, isolation_level=None)
    # Two at once must not have it: whoever is second ends, and is noticed.
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    database.execute("CREATE TABLE IF NOT EXISTS kept (number INTEGER PRIMARY KEY)")
    database.execute("BEGIN EXCLUSIVE")
    database.execute("COMMIT")
    return database


def accept(poll, listener, heads):
    try:
        connection, _ = listener.accept()
    except BlockingIOError:
        return
    heads[connection] = b""
    poll.register(connection, selectors.EVENT_READ)


def serve(connection, heads, database):
    """Whether the connection goes on. Requests have no body."""
    try:
        received = connection.recv(HEAD_BYTES_MAX)
        heads[connection] += received
        while b"\r\n\r\n" in heads[connection]:
            head, _, heads[connection] = heads[connection].partition(b"\r\n\r\n")
            body = answer(head, database)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    except OSError:
        return False
    return received and len(heads[connection]) < HEAD_BYTES_MAX


def answer(head, database):
    path = head.split(b" ", 2)[1]
    if database and path.startswith(b"/keep/"):
        database.execute("INSERT INTO kept VALUES (?)", (int(path[len(b"/keep/") :]),))
    return RELEASE.encode()


main()
