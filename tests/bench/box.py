"""An Ondol box in a folder of its own: where its binary comes from, its configuration, its start, its processes."""

import http.client
import os
import pathlib
import socket
import subprocess
import sys
import time

import processes

from processes import Failed

ROOT = pathlib.Path(__file__).resolve().parents[2]
READY_SECONDS_MAX = 20
COMMAND_SECONDS_MAX = 60


class Box:
    def __init__(self, program, workbench, name, configuration):
        self.program = program
        self.workbench = workbench
        self.name = name
        self.folder = workbench.folder / name
        self.folder.mkdir()
        self.file = self.folder / "ondol.toml"
        self.write(configuration)
        self.child = None

    def write(self, configuration):
        self.file.write_text(configuration)

    def start(self):
        self.launch()
        self.wait_until_ready()
        return self

    def launch(self):
        command = [self.program, *self.flags(), "run"]
        if os.geteuid() == 0:
            command += ["--user", "nobody"]
        self.child = self.workbench.start(self.name, command)

    def flags(self):
        names = ("state", "runtime", "logs")
        return ["--config", self.file, *(word for name in names for word in (f"--{name}", self.folder / name))]

    def wait_until_ready(self):
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            if not self.child.alive():
                raise Failed(f"ondol ended by itself: {self.child.last_words()}")
            if self.ask("status").returncode == 0:
                return
            time.sleep(0.02)
        raise Failed(f"ondol was not ready within {READY_SECONDS_MAX} s: {self.child.last_words()}")

    def ask(self, *words):
        command = [self.program, "--runtime", self.folder / "runtime", *words]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX, check=False
        )

    def order(self, *words):
        """A command that has to succeed; returns how long its answer took."""
        began = time.perf_counter()
        answer = self.ask(*words)
        took = time.perf_counter() - began
        if answer.returncode != 0:
            said = (answer.stderr + answer.stdout).strip()
            raise Failed(f"`ondol {' '.join(map(str, words))}` failed: {said or 'it printed nothing'}")
        return took

    def post(self, path):
        """The call that a command makes, without the command; returns how long its answer took."""
        began = time.perf_counter()
        admin = AdminConnection(self.folder / "runtime" / "admin.sock")
        admin.request("POST", path)
        answer = admin.getresponse()
        text = answer.read()
        took = time.perf_counter() - began
        admin.close()
        if answer.status != 200:
            raise Failed(f"POST {path} was answered with {answer.status}: {text.decode(errors='replace').strip()}")
        return took

    def data_planes(self):
        """Pids of the generations that are there, the newest last."""
        children = processes.descendants(self.child.pid)
        return sorted((pid for pid in children if "serve" in arguments_of(pid)), key=processes.start_time)


class AdminConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=COMMAND_SECONDS_MAX)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def arguments_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def find(path):
    """The binary at a path, or the one that this tree builds; None when it does not build."""
    if path:
        if not os.access(path, os.X_OK):
            raise Failed(f"There is no program at {path}.")
        return os.path.abspath(path)
    print("Building ondol (cargo build --release) …", file=sys.stderr)
    try:
        built = subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=False).returncode == 0
    except FileNotFoundError:
        built = False
    program = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "ondol"
    return str(program) if built and program.exists() else None


def configuration(http, https, chain, key):
    return f"""[box]
name = "bench"

[listen]
http = ["127.0.0.1:{http}"]
https = ["127.0.0.1:{https}"]

[tls]
issuers = ["internal"]
certificate = {{ chain = "{chain}", key = "{key}" }}
"""


def plain_site(name, upstream):
    return f"""
[sites."{name}"]
https = false
proxy = ["http://127.0.0.1:{upstream}"]
"""


def tls_site(name, upstream):
    return f"""
[sites."{name}"]
proxy = ["http://127.0.0.1:{upstream}"]
"""


def files_site(name, root):
    return f"""
[sites."{name}"]
https = false
files = "{root}"
"""
