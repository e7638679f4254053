"""What is measured: which requests, by which client, and which servers can take part."""

import dataclasses

import load

from peers import COMPRESSED, FILES, PROXIED, PROXIED_TLS


@dataclasses.dataclass
class Scenario:
    name: str
    title: str
    client: object
    host: str
    path: str = "/"
    tls: bool = False
    files: bool = False
    # The answer is compressed for each request.
    gzip: bool = False
    # Each request has to be a connection of its own.
    connects: bool = False

    def target(self, server):
        headers = ["Accept-Encoding: gzip"] if self.gzip else []
        return load.Target(server.https if self.tls else server.http, self.host, self.path, headers)


SCENARIOS = [
    Scenario("plain", "HTTP/1.1, proxied, 36-byte answer", load.wrk, PROXIED),
    Scenario("tls", "HTTP/1.1 over TLS, proxied, 36-byte answer", load.h1_tls, PROXIED_TLS, tls=True),
    Scenario("h2", "HTTP/2 over TLS, proxied, 36-byte answer", load.h2_tls, PROXIED_TLS, tls=True),
    Scenario(
        "handshake",
        "TLS handshakes: a new connection, a full handshake and one proxied request each",
        load.handshakes,
        PROXIED_TLS,
        tls=True,
        connects=True,
    ),
    Scenario("small", "file of 1 KiB over HTTP/1.1", load.wrk, FILES, "/1k.txt", files=True),
    Scenario("large", "file of 100 KiB over HTTP/1.1", load.wrk, FILES, "/100k.txt", files=True),
    Scenario("gzip", "page of 100 KiB, compressed by gzip", load.wrk, COMPRESSED, "/page.html", files=True, gzip=True),
]
