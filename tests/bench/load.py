"""The load: wrk for plain HTTP/1.1, h2load over TLS (it names the site in SNI, wrk cannot), and a client of our own for
handshakes."""

import dataclasses
import os
import re
import resource
import subprocess

from pathlib import Path

import compiled

from processes import Failed, find_program

GRACE_SECONDS = 15
CLIENT_THREADS = min(2, os.cpu_count() or 1)
STREAMS_PER_CONNECTION = 4
PACKAGES = {"wrk": "wrk", "h2load": "nghttp2-client", "openssl": "openssl", "cc": "gcc libc6-dev"}
UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}


@dataclasses.dataclass
class Outcome:
    requests: int
    seconds: float
    p99_ms: float
    errors: dict
    client_cpu: float

    @property
    def per_second(self):
        return self.requests / self.seconds if self.seconds else 0.0


@dataclasses.dataclass
class Target:
    """Where a scenario's requests go."""

    port: int
    host: str
    path: str = "/"
    headers: list = dataclasses.field(default_factory=list)


def wrk(workbench, target, connections, seconds):
    """Keep-alive HTTP/1.1 without TLS."""
    command = [find_program("wrk"), "--latency", f"-t{CLIENT_THREADS}", f"-c{connections}", f"-d{seconds}s"]
    command += [word for header in [f"Host: {target.host}", *target.headers] for word in ("-H", header)]
    command += ["--timeout", "5s", f"http://127.0.0.1:{target.port}{target.path}"]
    text, client_cpu = run(workbench, "wrk", command, seconds)
    return read_wrk(text, client_cpu)


def h1_tls(workbench, target, connections, seconds):
    """Keep-alive HTTP/1.1 over TLS."""
    return h2load(workbench, target, ["--h1", f"-c{connections}"], seconds)


def h2_tls(workbench, target, connections, seconds):
    """HTTP/2: as many requests in flight, on a quarter of the connections."""
    clients = max(CLIENT_THREADS, connections // STREAMS_PER_CONNECTION)
    return h2load(workbench, target, [f"-c{clients}", f"-m{STREAMS_PER_CONNECTION}"], seconds)


def handshakes(workbench, target, connections, seconds):
    """A new connection and a full handshake for each request."""
    client = compiled.program(workbench.folder, "handshakes")
    text, client_cpu = run(workbench, "handshakes", [client, target.port, target.host, connections, seconds], seconds)
    return read_handshakes(text, client_cpu)


def h2load(workbench, target, options, seconds):
    log = workbench.folder / "h2load.log"
    log.unlink(missing_ok=True)
    command = [find_program("h2load"), f"-t{CLIENT_THREADS}", f"-D{seconds}", f"--log-file={log}", *options]
    command += [f"--connect-to=127.0.0.1:{target.port}", f"https://{target.host}{target.path}"]
    text, client_cpu = run(workbench, "h2load", command, seconds)
    return read_h2load(text, log, client_cpu)


def run(workbench, name, command, seconds):
    """Runs a client to its end; returns what it printed and its processor seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = workbench.folder / f"{name}.out"
    output.unlink(missing_ok=True)
    client = workbench.start(name, command)
    try:
        client.process.wait(seconds + GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        raise Failed(f"{name} did not end within {seconds + GRACE_SECONDS} s.") from None
    finally:
        client.stop()
        workbench.children.remove(client)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if client.process.returncode != 0:
        raise Failed(f"{name} failed: {client.last_words()}")
    return output.read_text(), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def read_wrk(text, client_cpu):
    totals = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)", text)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s|m)", text)
    if not totals or not p99:
        raise Failed(f"wrk printed something else than expected: {text.strip()}")
    errors = {}
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if refused:
        errors["not 2xx"] = int(refused[1])
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    if sockets:
        errors.update(zip(("connect", "read", "write", "time-out"), map(int, sockets.groups())))
    return Outcome(
        requests=int(totals[1]),
        seconds=float(totals[2]) * UNITS_MS[totals[3]] / 1000,
        p99_ms=float(p99[1]) * UNITS_MS[p99[2]],
        errors={name: count for name, count in errors.items() if count},
        client_cpu=client_cpu,
    )


def read_h2load(text, log, client_cpu):
    finished = re.search(r"finished in ([\d.]+)(us|ms|s|m)", text)
    totals = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", text)
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", text)
    if not finished or not totals or not codes:
        raise Failed(f"h2load printed something else than expected: {text.strip()}")
    _, succeeded, failed, errored, late = map(int, totals.groups())
    errors = {
        "failed": failed - errored,
        "errored": errored,
        "time-out": late,
        "not 2xx": sum(map(int, codes.groups()[1:])),
    }
    return Outcome(
        requests=succeeded,
        seconds=float(finished[1]) * UNITS_MS[finished[2]] / 1000,
        p99_ms=p99_of(log),
        errors={name: count for name, count in errors.items() if count > 0},
        client_cpu=client_cpu,
    )


def read_handshakes(text, client_cpu):
    words = text.split()
    if len(words) != 7:
        raise Failed(f"The handshake client printed something else than expected: {text.strip()}")
    names = ("not connected", "failed handshakes", "not 200", "resumed")
    errors = dict(zip(names, map(int, words[3:])))
    return Outcome(
        requests=int(words[0]),
        seconds=float(words[1]),
        p99_ms=int(words[2]) / 1000,
        errors={name: count for name, count in errors.items() if count},
        client_cpu=client_cpu,
    )


def p99_of(log):
    """h2load prints no percentiles; its log has a line per request: start, status, microseconds."""
    took = sorted(int(line.split("\t")[2]) for line in Path(log).read_text().splitlines() if line)
    return took[int(len(took) * 0.99)] / 1000 if took else 0.0


def missing_clients():
    return [f"{name} (apt-get install {package})" for name, package in PACKAGES.items() if not find_program(name)]
