"""One run of one scenario against one server, and what it cost."""

import dataclasses
import pathlib
import urllib.request

import processes

# A proxy that opens more connections to the app than this share of its requests does not keep them.
UPSTREAM_CONNECTIONS_MAX = 0.05


@dataclasses.dataclass
class Sample:
    server: str
    scenario: str
    round: int
    cpu_us: float
    per_second: float
    p99_ms: float
    pss_mib: float
    rss_mib: float
    errors: dict
    notes: list
    # Shares of the whole machine's processor time during the run.
    server_share: float
    client_share: float
    foreign_share: float
    idle_share: float


def measure(workbench, scenario, server, upstream, number, options):
    before = reading(server, upstream)
    outcome = scenario.client(workbench, scenario.target(server), options.connections, options.seconds)
    after = reading(server, upstream)
    if not server.child.alive():
        raise processes.Failed(f"{server.name} ended by itself: {server.child.last_words()}")
    spent = {name: after[name] - before[name] for name in before}
    memory = processes.memory_kib(server.child.tree())
    return Sample(
        server=server.name,
        scenario=scenario.name,
        round=number,
        cpu_us=spent["server"] * 1e6 / max(1, outcome.requests),
        per_second=outcome.per_second,
        p99_ms=outcome.p99_ms,
        pss_mib=memory["pss"] / 1024,
        rss_mib=memory["rss"] / 1024,
        errors=outcome.errors if outcome.requests else {**outcome.errors, "no answers": 1},
        notes=doubts(scenario, outcome, spent) + size(scenario, server),
        **shares(spent, outcome.client_cpu),
    )


def size(scenario, server):
    """How small a compressed answer is: cheap and large is no better than dear and small."""
    if not scenario.gzip:
        return []
    target = scenario.target(server)
    request = urllib.request.Request(f"http://127.0.0.1:{target.port}{target.path}", headers={"Host": target.host})
    request.add_header("Accept-Encoding", "gzip")
    with urllib.request.urlopen(request, timeout=5) as answer:
        coding = answer.headers["Content-Encoding"] or "no coding"
        return [f"an answer is {len(answer.read()):,} bytes of {coding}"]


def reading(server, upstream):
    counts = upstream.counts()
    ticks = processes.machine_ticks()
    return {
        "server": processes.cpu_seconds(server.child.tree()),
        "upstream": processes.cpu_seconds(upstream.child.tree()),
        "upstream connections": counts["connections"],
        "upstream requests": counts["requests"],
        "connects": connects_of_the_machine(),
        "all": ticks["all"] / processes.TICKS_PER_SECOND,
        "idle": ticks["idle"] / processes.TICKS_PER_SECOND,
    }


def shares(spent, client_cpu):
    whole = max(spent["all"], 0.01)
    known = spent["server"] + spent["upstream"] + client_cpu
    return {
        "server_share": spent["server"] / whole,
        "client_share": client_cpu / whole,
        "foreign_share": max(0.0, whole - spent["idle"] - known) / whole,
        "idle_share": spent["idle"] / whole,
    }


def doubts(scenario, outcome, spent):
    """What makes a run mean something else than its title says."""
    found = []
    if not scenario.files and not scenario.connects:
        opened = spent["upstream connections"]
        if opened > UPSTREAM_CONNECTIONS_MAX * outcome.requests + 1:
            found.append(f"opened {opened} connections to the app for {outcome.requests} requests")
    if not scenario.files and spent["upstream requests"] < outcome.requests:
        found.append(f"the app saw {spent['upstream requests']} of {outcome.requests} requests")
    if scenario.connects and spent["connects"] - spent["upstream connections"] < outcome.requests:
        found.append("the client made fewer connections than requests")
    return found


def connects_of_the_machine():
    """Outgoing TCP connections since boot."""
    names, numbers = [
        line.split() for line in pathlib.Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Tcp:")
    ]
    return int(numbers[names.index("ActiveOpens")])
