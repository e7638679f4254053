"""All kinds of visitors at once, for as long as something is replaced under them."""

import concurrent.futures
import time

import http2
import load
import prober
import websocket

HTTP2_CONNECTIONS, HTTP2_STREAMS = 8, 4


class Traffic:
    """wrk over HTTP/1.1, HTTP/2 over TLS, a WebSocket, and a visitor on a new connection every few milliseconds."""

    def __init__(self, workbench, http, https, seconds, connections):
        self.seconds, self.connections = seconds, connections
        self.began = time.monotonic()
        self.websocket = websocket.Client(http, "ws.bench.test")
        self.http2 = http2.Load(https, "tls.bench.test", HTTP2_CONNECTIONS, HTTP2_STREAMS)
        self.prober = prober.Prober(http, "bench.test")
        for visitor in (self.websocket, self.http2, self.prober):
            visitor.start()
        self.pool = concurrent.futures.ThreadPoolExecutor(1)
        target = load.Target(http, "bench.test")
        self.wrk = self.pool.submit(load.wrk, workbench, target, connections, seconds)
        self.pool.shutdown(wait=False)

    def sleep_until(self, share):
        """Until this share of the load's time is over."""
        time.sleep(max(0.0, self.began + share * self.seconds - time.monotonic()))

    def finish(self):
        self.http1 = self.wrk.result(self.seconds + load.GRACE_SECONDS)
        self.http2.finish()
        self.prober.finish()
        self.echoes, self.websocket_failure = self.websocket.finish()
        return self

    def in_flight_max(self):
        return self.connections + HTTP2_CONNECTIONS * HTTP2_STREAMS + 1

    def failed(self):
        return sum(sum(kind.values()) for kind in self.kinds().values())

    def kinds(self):
        return {
            "HTTP/1.1": self.http1.errors,
            "HTTP/2": self.http2.failures,
            "new connections": self.prober.failures,
        }

    def described(self):
        parts = [f"{name}: {count} {what}" for name, kind in self.kinds().items() for what, count in kind.items()]
        return f"{self.failed()} ({'; '.join(parts)})" if parts else "0"

    def rows(self, row, what):
        """`row` makes a row of a table: what, value, wanted, whether it is good."""
        done = self.http1.requests + self.http2.answered + len(self.prober.answers)
        lives = self.websocket_failure is None
        return [
            row(f"{what}: failed requests of {done:,}", self.described(), "0", self.failed() == 0 and done > 0),
            row(
                f"{what}: an open WebSocket",
                f"lives after {self.echoes} echoes" if lives else f"died: {self.websocket_failure}",
                "lives",
                lives,
            ),
            row(f"{what}: slowest answer on a new connection", f"{self.prober.slowest_ms():.0f} ms"),
            row(
                f"{what}: HTTP/2 connections opened, requests asked again after GOAWAY",
                f"{self.http2.opened}, {self.http2.retriable}",
            ),
        ]
