"""An Ondol box in a folder of its own: its configuration, its start, and what it says about itself."""

import json
import os
import subprocess
import time

from processes import Failed

READY_SECONDS_MAX = 20
COMMAND_SECONDS_MAX = 60


class Box:
    def __init__(self, program, workplace, name, configuration):
        self.program = program
        self.workplace = workplace
        self.name = name
        self.folder = workplace.folder / name
        self.folder.mkdir()
        self.file = self.folder / "ondol.toml"
        self.write(configuration)
        self.child = None

    def write(self, configuration):
        self.file.write_text(configuration)

    def start(self):
        command = [self.program, *self.flags(), "run"]
        if os.geteuid() == 0:
            command += ["--user", "nobody"]
        self.child = self.workplace.start(self.name, command)
        self.wait_until_ready()
        return self

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

    def status(self):
        self_description = self.ask("status", "--json")
        return json.loads(self_description.stdout)


def configuration(http, https, chain, key):
    return f"""[box]
name = "bench"

[listen]
http = ["127.0.0.1:{http}"]
https = ["127.0.0.1:{https}"]

[tls]
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
