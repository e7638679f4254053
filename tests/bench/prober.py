"""A visitor who comes again and again on a new connection: what does not answer is seen to the millisecond."""

import socket
import threading
import time

TIMEOUT_SECONDS = 10
PAUSE_SECONDS = 0.005


class Prober(threading.Thread):
    def __init__(self, port, host):
        super().__init__(daemon=True)
        self.port, self.host = port, host
        self.done = threading.Event()
        # (asked, answered) of what was answered; failures by kind.
        self.answers = []
        self.failures = {}

    def run(self):
        while not self.done.is_set():
            asked = time.monotonic()
            try:
                ask(self.port, self.host)
                self.answers.append((asked, time.monotonic()))
            except (OSError, ValueError) as error:
                why = type(error).__name__ if isinstance(error, OSError) else str(error)
                self.failures[why] = self.failures.get(why, 0) + 1
            time.sleep(PAUSE_SECONDS)

    def finish(self):
        self.done.set()
        self.join(2 * TIMEOUT_SECONDS)
        return self

    def slowest_ms(self):
        return max((answered - asked for asked, answered in self.answers), default=0.0) * 1000

    def first_answer_after_ms(self, moment):
        """From a moment to the first answer to a question that was asked after it."""
        later = [answered for asked, answered in self.answers if asked >= moment]
        return (min(later) - moment) * 1000 if later else None


def ask(port, host, timeout=TIMEOUT_SECONDS):
    """One request on one connection; raises unless the answer is 200."""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = received = connection.recv(16384)
        while received:
            received = connection.recv(16384)
            answer += received
    if not answer.startswith(b"HTTP/1.1 200"):
        raise ValueError(answer.split(b"\r\n")[0].decode("latin-1") or "an empty answer")
