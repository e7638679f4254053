"""A box with three sites burns, and comes back by its kit from a bucket on the same machine."""

import hashlib
import json
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import box
import processes

from data import MIB, Data
from figures_table import Row
from processes import Failed, free_ports
from visitors import Visitor

HERE = pathlib.Path(__file__).parent
SECONDS_MAX = 60
# Of all that is saved, which is 2 GB.
FILES_SHARE, SQLITE_BYTES, POSTGRES_BYTES = 1.3, 300 * MIB, 300 * MIB
ORDER_BYTES = 1000
COMMAND_SECONDS_MAX = 1800
LOOKS_PER_SECOND = 10
POSTGRES_FOLDERS = "/usr/lib/postgresql"


class Bucket:
    """s3s-fs, as `tests/run` has built it."""

    def __init__(self, workbench):
        program = box.ROOT / "target/s3s/bin/s3s-fs"
        if not program.exists():
            raise Failed("There is no s3s-fs in target/s3s: `tests/run` builds it.")
        self.port, folder = free_ports(1)[0], workbench.folder / "buckets"
        (folder / "backups").mkdir(parents=True)
        self.key, self.secret = secrets.token_hex(10), secrets.token_hex(20)
        words = ["--host", "127.0.0.1", "--port", self.port, "--access-key", self.key, "--secret-key", self.secret]
        # What it says of each request would be gigabytes.
        self.child = workbench.start("bucket", [program, *words, folder], environment={"RUST_LOG": "off"})


class Postgres:
    """A server with a database, which refuses to be run by root."""

    def __init__(self, workbench):
        found = sorted(pathlib.Path(POSTGRES_FOLDERS).glob("*/bin/initdb"))
        if not found:
            raise Failed(f"There is no PostgreSQL in {POSTGRES_FOLDERS}.")
        self.programs, self.port, self.password = found[-1].parent, free_ports(1)[0], secrets.token_hex(10)
        folder = workbench.folder / "postgres"
        folder.mkdir()
        (folder / "password").write_text(self.password)
        self.mine = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            for path in (folder, folder / "password"):
                os.chown(path, user.pw_uid, user.pw_gid)
            self.mine = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        words = ["--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"]
        made = [*self.mine, self.programs / "initdb", "--pgdata", folder / "data", "--pwfile", folder / "password", *words]
        done(made, cwd=folder)
        server = [self.programs / "postgres", "-D", folder / "data", "-h", "127.0.0.1", "-p", self.port, "-k", ""]
        self.child = workbench.start("postgres", [*self.mine, *server])
        deadline = time.monotonic() + box.READY_SECONDS_MAX
        while subprocess.run([self.programs / "pg_isready", "-qh", "127.0.0.1", "-p", str(self.port)], check=False).returncode != 0:
            if time.monotonic() > deadline:
                raise Failed(f"PostgreSQL does not answer: {self.child.last_words()}")
            time.sleep(0.1)

    def environment(self, database):
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "postgres", "PGPASSWORD": self.password, "PGDATABASE": database}

    def ask(self, database, statement):
        return done([self.programs / "psql", "-XAqtc", statement], environment=self.environment(database)).strip()


class Lost:
    """The box, with a site of files, an app with a database of SQLite, and one with a database of PostgreSQL."""

    def __init__(self, workbench, program, share):
        self.workbench, self.program, self.share = workbench, program, share
        self.folder = workbench.folder
        self.bucket, self.postgres, self.port = Bucket(workbench), Postgres(workbench), free_ports(1)[0]
        self.places = {name: self.folder / name for name in ("pages", "shop", "storage", "desk")}
        self.expected = self.furnish()
        self.box = box.Box(program, workbench, "lost", "")
        for name, text in (("postgres.key", self.postgres.password), ("s3.key", self.bucket.key), ("s3.secret", self.bucket.secret)):
            path = self.box.folder / name
            path.touch(mode=0o600)
            path.write_text(text)
        self.box.write(self.configuration())

    def furnish(self):
        """What is there; returns what each site answers."""
        self.data = Data(self.places["pages"], FILES_SHARE * self.share)
        self.data.write("index.html", b"pages")
        for name in ("shop", "desk"):
            self.places[name].mkdir()
            shutil.copy(HERE / "orders.py", self.places[name])
        self.places["storage"].mkdir()
        shop = self.make_sqlite(int(SQLITE_BYTES * self.share / ORDER_BYTES))
        desk = self.make_postgres(int(POSTGRES_BYTES * self.share / ORDER_BYTES))
        if os.geteuid() == 0:
            for path in (self.places["storage"], *self.places["storage"].iterdir()):
                shutil.chown(path, "nobody")
        return {"pages.test": ("/index.html", "pages"), "shop.test": ("/", f"{shop} orders"), "desk.test": ("/", f"{desk} orders")}

    def make_sqlite(self, rows):
        database = sqlite3.connect(self.places["storage"] / "orders.db", isolation_level=None)
        database.execute("PRAGMA journal_mode = wal")
        database.execute("CREATE TABLE orders (number INTEGER PRIMARY KEY, note TEXT)")
        database.execute("BEGIN")
        database.executemany("INSERT INTO orders (note) VALUES (?)", ((self.data.text(ORDER_BYTES).decode(),) for _ in range(rows)))
        database.execute("COMMIT")
        database.close()
        return rows

    def make_postgres(self, rows):
        self.postgres.ask("postgres", "CREATE DATABASE orders")
        note = f"(SELECT string_agg(md5(number::text || '/' || part), '') FROM generate_series(1, {ORDER_BYTES // 32}) part)"
        self.postgres.ask("orders", f"CREATE TABLE orders AS SELECT number, {note} AS note FROM generate_series(1, {rows}) number")
        return rows

    def configuration(self):
        own = self.box.folder
        user = 'user = "nobody"\n' if os.geteuid() == 0 else ""
        settings = {name: value for name, value in self.postgres.environment("orders").items() if name != "PGPASSWORD"}
        told = ", ".join(f'{name} = "{value}"' for name, value in settings.items())
        storage = self.places["storage"]
        return f"""[box]
name = "lost"
[listen]
http = ["127.0.0.1:{self.port}"]
https = []
[sites."pages.test"]
https = false
files = "{self.places['pages']}"
[sites."shop.test"]
https = false
app = "shop"
[sites."desk.test"]
https = false
app = "desk"
[apps.shop]
dir = "{self.places['shop']}"
run = "exec python3 -IS orders.py"
env = {{ DATABASE = "{storage}/orders.db" }}
write = ["{storage}"]
data = ["{storage}"]
{user}
[apps.desk]
dir = "{self.places['desk']}"
run = "exec python3 -IS orders.py"
env = {{ {told}, PGPASSWORD = {{ file = "{own}/postgres.key" }} }}
{user}
[backup]
[[backup.to]]
name = "bucket"
s3 = {{ endpoint = "http://127.0.0.1:{self.bucket.port}", region = "us-east-1", bucket = "backups", prefix = "lost", key = {{ file = "{own}/s3.key" }}, secret = {{ file = "{own}/s3.secret" }} }}
[[backup.databases]]
sqlite = "{storage}/orders.db"
[[backup.databases]]
name = "desk"
postgres = "postgresql://postgres@127.0.0.1:{self.postgres.port}/orders"
password = {{ file = "{own}/postgres.key" }}
app = "desk"
"""

    def save(self):
        """Takes a backup, and puts the kit aside; returns how long the backup took."""
        self.box.start()
        self.wait_for_sites(None, box.READY_SECONDS_MAX)
        self.digest = digest_of(self.places["pages"])
        runtime = ["--runtime", self.box.folder / "runtime"]
        began = time.perf_counter()
        done([self.program, *runtime, "backup", "now"])
        took = time.perf_counter() - began
        done([self.program, *runtime, "backup", "kit", "--text", self.folder / "kit.txt"])
        return took

    def burn(self):
        self.box.child.stop()
        for folder in (self.box.folder, *self.places.values()):
            shutil.rmtree(folder)
        self.postgres.ask("postgres", "DROP DATABASE orders")
        self.box.folder.mkdir()

    def recover(self):
        """Returns after how many seconds each site answered, and after how many all was done."""
        words = ["recover", "--kit", self.folder / "kit.txt", "--yes"]
        if os.geteuid() == 0:
            words += ["--user", "nobody"]
        began = time.perf_counter()
        child = self.workbench.start("recover", [self.program, *self.box.flags(), *words])
        answered = self.wait_for_sites(child, COMMAND_SECONDS_MAX)
        try:
            ended = child.process.wait(COMMAND_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            raise Failed("`ondol recover` does not end.") from None
        took = time.perf_counter() - began
        if ended != 0:
            raise Failed(f"`ondol recover` failed: {child.last_words()}")
        if digest_of(self.places["pages"]) != self.digest:
            raise Failed("What was recovered is not what was saved.")
        return {host: at - began for host, at in answered.items()}, took

    def wait_for_sites(self, child, seconds):
        """Asks each site until it answers what it should; returns when it did."""
        answered, deadline = {}, time.monotonic() + seconds
        while len(answered) < len(self.expected):
            if time.monotonic() > deadline or child and child.process.poll():
                raise Failed(f"Only {', '.join(answered) or 'none'} of the sites answered: {(child or self.box.child).last_words()}")
            for host, (path, text) in self.expected.items():
                if host not in answered and Visitor(self.port, host, 1, keeps=False, path=path).ask() == text:
                    answered[host] = time.perf_counter()
            time.sleep(1 / LOOKS_PER_SECOND)
        return answered

    def end(self):
        """Ends the box that `ondol recover` has started, which is no child of ours."""
        status = self.box.ask("status", "--json")
        if status.returncode == 0:
            pid = json.loads(status.stdout)["pid"]
            family = [pid, *processes.descendants(pid)]
            processes.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + processes.STOP_SECONDS_MAX
            while any(processes.start_time(one) for one in family) and time.monotonic() < deadline:
                time.sleep(0.05)


def done(command, environment=None, cwd=None):
    command = [str(word) for word in command]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS_MAX, cwd=cwd,
                           env={**os.environ, **(environment or {})})
    if found.returncode != 0:
        raise Failed(f"`{' '.join(command[:4])} …` failed: {(found.stderr + found.stdout).strip()[-2000:]}")
    return found.stdout


def digest_of(folder):
    """Of all files by their names."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with open(path, "rb") as file:
            whole.update(str(path).encode() + hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def recovered(workbench, options, program):
    """A recovery from nothing but the kit, until all sites answer."""
    lost = Lost(workbench, program, options.share)
    took = lost.save()
    print(f"  the box is saved, after {took:.0f} s", file=sys.stderr)
    lost.burn()
    try:
        answered, whole = lost.recover()
    finally:
        lost.end()
    last = max(answered.values())
    size = lost.data.bytes + (SQLITE_BYTES + POSTGRES_BYTES) * options.share
    each = ", ".join(f"{host} {seconds:.1f} s" for host, seconds in sorted(answered.items(), key=lambda one: one[1]))
    return [
        Row(f"recovery: backup of {size / 1e9:.1f} GB to the bucket", f"{took:.1f} s"),
        Row("recovery: all three sites answer", f"{last:.1f} s ({each})", f"< {SECONDS_MAX} s", last < SECONDS_MAX),
        Row("recovery: everything is back", f"{whole:.1f} s"),
    ]
