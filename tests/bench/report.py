"""Medians of the samples, as Markdown tables and as JSON."""

import dataclasses
import json
import os
import pathlib
import platform
import statistics

REFERENCE = "nginx"
FIGURES = ("cpu_us", "per_second", "p99_ms", "pss_mib", "rss_mib")
FOREIGN_SHARE_MAX = 0.05
IDLE_SHARE_MAX = 0.10
HEAD = "| server | CPU µs per request | min to max | requests per s | p99 ms | PSS MiB | RSS MiB | errors |"


def summary(samples):
    """Medians by (scenario, server)."""
    groups = {}
    for sample in samples:
        groups.setdefault((sample.scenario, sample.server), []).append(sample)
    return {key: median_of(group) for key, group in groups.items()}


def median_of(group):
    row = {name: statistics.median(getattr(sample, name) for sample in group) for name in FIGURES}
    row["cpu_us_min"] = min(sample.cpu_us for sample in group)
    row["cpu_us_max"] = max(sample.cpu_us for sample in group)
    row["errors"] = add_up(sample.errors for sample in group)
    row["notes"] = sorted({note for sample in group for note in sample.notes})
    return row


def add_up(counts):
    total = {}
    for count in counts:
        for name, number in count.items():
            total[name] = total.get(name, 0) + number
    return total


def scenario_table(scenario, servers, medians):
    lines = [f"### {scenario.name}: {scenario.title}", "", HEAD, "|---|--:|--:|--:|--:|--:|--:|---|"]
    notes = []
    for server in servers:
        row = medians.get((scenario.name, server.name))
        if not row:
            lines.append(f"| {server.name} | n/a | | | | | | |")
            continue
        lines.append(
            f"| {server.name} | {row['cpu_us']:.1f} | {row['cpu_us_min']:.1f} to {row['cpu_us_max']:.1f} "
            f"| {row['per_second']:,.0f} | {row['p99_ms']:.1f} | {row['pss_mib']:.1f} | {row['rss_mib']:.1f} "
            f"| {errors_of(row['errors'])} |"
        )
        notes += [f"- {server.name}: {note}." for note in row["notes"]]
    return "\n".join([*lines, "", *notes, ""] if notes else [*lines, ""])


def errors_of(errors):
    return ", ".join(f"**{count} {name}**" for name, count in errors.items()) or "none"


def ratio_table(scenarios, servers, medians):
    """Each server's processor time per request as a multiple of nginx's: below 1 is better than nginx."""
    if REFERENCE not in [server.name for server in servers]:
        return f"There is no table of ratios, because {REFERENCE} took no part."
    lines = [
        f"### CPU per request, as a multiple of {REFERENCE}'s (lower is better; requests per second in brackets)",
        "",
        "| scenario | " + " | ".join(server.name for server in servers) + " |",
        "|---|" + "--:|" * len(servers),
    ]
    for scenario in scenarios:
        cells = [ratio(medians, scenario.name, server.name) for server in servers]
        lines.append(f"| {scenario.name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def ratio(medians, scenario, server):
    row, reference = medians.get((scenario, server)), medians.get((scenario, REFERENCE))
    if not row or not reference or not reference["cpu_us"] or not reference["per_second"]:
        return "n/a"
    flag = " (!)" if row["errors"] else ""
    return (
        f"{row['cpu_us'] / reference['cpu_us']:.2f} ({row['per_second'] / reference['per_second']:.2f}){flag}"
    )


def noise(samples):
    """What the machine did besides serving, which no table shows."""
    worst = max((sample.foreign_share for sample in samples), default=0.0)
    middle = statistics.median(sample.foreign_share for sample in samples) if samples else 0.0
    text = f"Other programs and the kernel's own threads took {middle:.0%} of the machine (median; {worst:.0%} at most)."
    disturbed = sum(sample.foreign_share > middle + FOREIGN_SHARE_MAX for sample in samples)
    if disturbed:
        text += f" {disturbed} of {len(samples)} runs were disturbed by over {FOREIGN_SHARE_MAX:.0%} more than that."
    waiting = sorted({(one.server, one.scenario) for one in samples if one.idle_share > IDLE_SHARE_MAX})
    if waiting:
        names = ", ".join(f"{server} in {scenario}" for server, scenario in waiting)
        text += f" The machine was idle for over {IDLE_SHARE_MAX:.0%} of a run with {names}: there requests per second say little."
    return text


def machine():
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    models = [line.partition(":")[2].strip() for line in cpuinfo.splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory),
        "kernel": platform.release(),
    }


def heading(servers, options):
    about = machine()
    versions = ", ".join(f"{server.name} {server.version}" for server in servers)
    return (
        f"{about['processor']}, {about['cores']} cores, {about['memory_gib']} GiB, Linux {about['kernel']}. {versions}. "
        f"Median of {options.rounds} rounds of {options.seconds} s, {options.connections} connections.\n"
    )


def write_json(path, servers, options, samples, medians):
    document = {
        "machine": machine(),
        "versions": {server.name: server.version for server in servers},
        "settings": {name: getattr(options, name) for name in ("rounds", "seconds", "connections")},
        "medians": [
            {"scenario": scenario, "server": server, **row} for (scenario, server), row in medians.items()
        ],
        "samples": [dataclasses.asdict(sample) for sample in samples],
    }
    pathlib.Path(path).write_text(json.dumps(document, indent=2) + "\n")
