"""Child processes that the benchmark owns, and what the kernel says about their time and memory.

Everything started here is ended here, by pid, and nothing else is ever signalled.
"""

import ctypes
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
STOP_SECONDS_MAX = 5
PR_SET_PDEATHSIG = 1

libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """Something the person has to know about; its text is a whole sentence."""


class Workbench:
    """A temporary folder and the processes that live in it; leaving it ends them and removes it."""

    def __init__(self, keep=False):
        self.keep = keep
        self.folder = None
        self.children = []

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ondol-bench-"))
        # The peers drop to another user, who has to reach the files that are served.
        self.folder.chmod(0o755)
        return self

    def __exit__(self, *_):
        # A second Ctrl-C must not leave processes behind.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        for child in reversed(self.children):
            child.stop()
        if self.keep:
            return
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, command, **options):
        """Starts a process whose output goes to `<name>.out` in the folder."""
        child = Child(name, command, self.folder / f"{name}.out", **options)
        self.children.append(child)
        return child


class Child:
    """One process with all its descendants."""

    def __init__(self, name, command, output, environment=None):
        self.name = name
        self.output = output
        with open(output, "ab") as file:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={**os.environ, **(environment or {})},
                # Its own session: Ctrl-C on the terminal reaches this tool alone, which then stops everything in order.
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def tree(self):
        return [self.pid, *descendants(self.pid)]

    def stop(self):
        """Asks first, then kills; the descendants are remembered because they outlive a killed parent."""
        family = {pid: start_time(pid) for pid in self.tree()}
        if self.alive():
            self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid, started in family.items():
            # The start time tells a process from a stranger who got its number.
            if started is not None and start_time(pid) == started:
                kill(pid, signal.SIGKILL)

    def last_words(self):
        text = self.output.read_text(errors="replace").strip()
        return "\n".join(text.splitlines()[-5:]) or "it printed nothing"


def end_on_signals():
    """Every way to be ended, and the time-out, become an exception, so that the workbench is left in order."""

    def end(number, _):
        raise Failed(f"Ended by {signal.Signals(number).name}.")

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, end)
    # A shell starts background jobs with this one ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def end_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def kill(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def stat_fields(pid):
    """The fields of /proc/PID/stat after the name, so that [0] is the state; None when the process is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def start_time(pid):
    fields = stat_fields(pid)
    return fields and int(fields[19])


def descendants(root):
    children = {}
    for entry in os.listdir("/proc"):
        fields = stat_fields(entry) if entry.isdigit() else None
        if fields:
            children.setdefault(int(fields[1]), []).append(int(entry))
    found = list(children.get(root, []))
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def cpu_seconds(pids):
    """User and system time of these processes, and of their children that are already gone."""
    ticks = 0
    for pid in pids:
        fields = stat_fields(pid)
        if fields:
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / TICKS_PER_SECOND


def memory_kib(pids):
    """Sums of PSS (shared pages counted once, in shares) and of RSS (shared pages counted for each process)."""
    total = {"Pss": 0, "Rss": 0}
    for pid in pids:
        try:
            lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        for line in lines:
            name, _, value = line.partition(":")
            if name in total:
                total[name] += int(value.split()[0])
    return {"pss": total["Pss"], "rss": total["Rss"]}


def machine_ticks():
    """All and idle processor ticks of the machine since it started."""
    numbers = [int(word) for word in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return {"all": sum(numbers), "idle": numbers[3] + numbers[4]}


def free_ports(count):
    """Loopback ports that were free a moment ago, below the range that clients' sockets come from."""
    ports = []
    # Two benchmarks at once look from different places.
    first = random.randrange(18000, 31000)
    for port in range(first, 32000):
        if len(ports) == count:
            return ports
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
    raise Failed(f"There are not enough free ports between {first} and 32000.")


def wait_for_port(child, port, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not child.alive():
            raise Failed(f"{child.name} ended by itself: {child.last_words()}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise Failed(f"{child.name} did not answer on port {port} within {seconds} s: {child.last_words()}")


def find_program(*names):
    """Full path of the first of these programs that is there; servers live in sbin, which may not be in PATH."""
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    return next(filter(None, (shutil.which(name, path=path) for name in names)), None)
