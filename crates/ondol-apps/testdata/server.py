"""A web process that does what its arguments say: how it listens, how it answers, and what it does wrong."""
import os
import signal
import socket
import sys
import time

how, answer, habits = sys.argv[1], sys.argv[2], sys.argv[3:]


def listener():
    if how == "fd":
        assert os.environ["LISTEN_PID"] == str(os.getpid()), os.environ
        assert os.environ["LISTEN_FDS"] == "1", os.environ
        return socket.socket(fileno=3)
    if how == "unix":
        made = socket.socket(socket.AF_UNIX)
        made.bind(os.environ["ONDOL_SOCKET"])
    else:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port = {"port": lambda: int(os.environ["PORT"]), "elsewhere": lambda: 0}[how]()
        made.bind(("127.0.0.1", port))
    made.listen(64)
    return made


def notify(text):
    out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    out.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])


if "deaf" in habits:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "child" in habits and os.fork() == 0:
    while True:
        time.sleep(1000)
if "daemon" in habits and os.fork() != 0:
    os._exit(0)
if how == "nowhere":
    while True:
        time.sleep(1000)
web = listener()
if "notify" in habits:
    notify("STATUS=warming up")
    notify("READY=1")
if "line" in habits:
    print("now listening on it", flush=True)
while True:
    visitor, _ = web.accept()
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        piece = visitor.recv(4096)
        if not piece:
            break
        request += piece
    if request:
        head = f"HTTP/1.1 {answer}\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
        visitor.sendall(head.encode() + f"I am {os.getpid()}".encode())
    visitor.close()
