"""Visitors at a constant pace, some on a connection that they keep, some on a new one each time: each request that fails is counted."""

import http.client
import random
import threading
import time

TIMEOUT_SECONDS = 35  # Longer than any request may wait for an app.


class Visitor(threading.Thread):
    """Asks so often a second; `path` gets the number of each request. Where an answer is late, what was due meanwhile is asked at once."""

    def __init__(self, port, host, per_second, keeps=True, method="GET", path="/"):
        super().__init__(daemon=True)
        self.port, self.host, self.pace = port, host, 1 / per_second
        self.keeps, self.method, self.path = keeps, method, path
        self.over = threading.Event()
        self.asked, self.kept = 0, None
        # (asked at, seconds) and numbers of what was answered; failures by kind.
        self.took, self.answered, self.failures = [], [], {}

    def run(self):
        # Many who began together would ask together.
        due = time.monotonic() + random.random() * self.pace
        while not self.over.wait(max(0.0, due - time.monotonic())):
            due += self.pace
            self.ask()

    def ask(self):
        """One request; the answer's text, or None when it failed."""
        self.asked += 1
        began = time.monotonic()
        try:
            self.kept = self.kept or http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
            self.kept.request(self.method, self.path.format(self.asked), headers={"Host": self.host})
            answer = self.kept.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            self.fails(type(error).__name__)
            self.leave()
            return None
        if not self.keeps:
            self.leave()
        if answer.status != 200:
            self.fails(f"status {answer.status}")
            return None
        self.took.append((began, time.monotonic() - began))
        self.answered.append(self.asked)
        return text

    def leave(self):
        if self.kept:
            self.kept.close()
        self.kept = None

    def fails(self, why):
        self.failures[why] = self.failures.get(why, 0) + 1

    def finish(self):
        self.over.set()
        self.join(2 * TIMEOUT_SECONDS)
        return self


def share_ms(took, share):
    """The time that this share of requests took at most, in ms."""
    seconds = sorted(seconds for _, seconds in took)
    return seconds[min(len(seconds) - 1, int(len(seconds) * share))] * 1000 if seconds else 0.0


def failed(visitors):
    """How many requests failed, in words with their kinds."""
    kinds = [f"{count} {why}" for visitor in visitors for why, count in visitor.failures.items()]
    total = sum(sum(visitor.failures.values()) for visitor in visitors)
    return total, f"{total} ({'; '.join(kinds)})" if kinds else "0"
