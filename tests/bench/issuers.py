"""Pebble and its name servers, as tests/run brings them: what a box gets certificates from."""

import json
import pathlib
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

from processes import Failed, find_program, free_ports, wait_for_port

BROUGHT = pathlib.Path(__file__).resolve().parents[2] / "target/pebble/usr/bin"
TSIG_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
SECONDS_MAX = 20
ZONE = """$TTL 60
@ SOA ns hostmaster 1 600 600 600 60
@ NS ns
ns A 127.0.0.1
@ A {address}
* A {address}
"""


class Pebble:
    """An issuer that is as nasty as it is by itself, but does not wait before it looks."""

    def __init__(self, workbench, name, name_server, http_port, tls_port):
        self.port, self.management = free_ports(2)
        folder = workbench.folder / name
        folder.mkdir()
        self.tls_root, chain, key = make_certificate(folder)
        file = folder / "pebble.json"
        lifetime = 90 * 24 * 3600
        file.write_text(json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{self.port}", "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(chain), "privateKey": str(key), "httpPort": http_port, "tlsPort": tls_port,
            "ocspResponderURL": "", "externalAccountBindingRequired": False, "keyAlgorithm": "ecdsa",
            "retryAfter": {"authz": 1, "order": 1}, "certificateValidityPeriod": lifetime,
            "profiles": {"default": {"description": "usual", "validityPeriod": lifetime}},
        }}))
        environment = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "5", "PEBBLE_AUTHZREUSE": "50"}
        command = [program("pebble"), "-config", file, "-dnsserver", f"127.0.0.1:{name_server}"]
        self.child = workbench.start(name, command, environment=environment)
        wait_for_port(self.child, self.port)
        wait_for_port(self.child, self.management)
        self.issued_root = folder / "issued.pem"
        self.issued_root.write_bytes(self.ask("/roots/0"))

    def ask(self, path):
        trusting = ssl.create_default_context(cafile=self.tls_root)
        url = f"https://127.0.0.1:{self.management}{path}"
        with urllib.request.urlopen(url, timeout=SECONDS_MAX, context=trusting) as answer:
            return answer.read()

    def directory(self):
        return f"https://localhost:{self.port}/dir"


def name_server(workbench, name, address):
    """Every name leads to an address; returns the process and its port."""
    port, management = free_ports(2)
    brought = program("pebble-challtestsrv")
    flags = subprocess.run([brought, "-help"], capture_output=True, text=True, check=False).stderr
    newer = "-dnsserver" in flags
    command = [brought, "-dnsserver" if newer else "-dns01", f"127.0.0.1:{port}", "-management", f"127.0.0.1:{management}"]
    command += ["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv4", address, "-defaultIPv6", ""]
    if newer:
        command += ["-doh", ""]
    child = workbench.start(name, command)
    wait_for_port(child, port)
    return child, port


def knot(workbench, name, address, zone):
    """A name server whose zone a key may change; returns the process, its port, and the value of `dns`."""
    (port,) = free_ports(1)
    folder = workbench.folder / name
    folder.mkdir()
    secret = folder / "tsig.key"
    secret.write_text(TSIG_KEY)
    secret.chmod(0o600)
    for number, _ in enumerate((".", zone)):
        (folder / f"{number}.zone").write_text(ZONE.format(address=address))
    file = folder / "knot.conf"
    file.write_text(f"""server:
  rundir: "{folder}"
  listen: 127.0.0.1@{port}
log:
  - target: stderr
    any: info
database:
  storage: "{folder}"
key:
  - id: box-key
    algorithm: hmac-sha256
    secret: {TSIG_KEY}
acl:
  - id: change
    key: box-key
    action: update
template:
  - id: default
    storage: "{folder}"
    zonefile-sync: -1
zone:
  - domain: .
    file: "0.zone"
  - domain: {zone}
    file: "1.zone"
    acl: change
""")
    child = workbench.start(name, [program("knotd"), "-c", file])
    wait_for_port(child, port)
    provider = f'{{ provider = "rfc2136", server = "127.0.0.1:{port}", key_name = "box-key", key = {{ file = "{secret}" }} }}'
    return child, port, provider


def program(name):
    brought = BROUGHT / name
    found = str(brought) if brought.exists() else find_program(name)
    if not found:
        raise Failed(f"{name} is not here: tests/run brings it.")
    return found


def make_certificate(folder):
    """Root, chain and key of a directory on this machine."""
    files = [folder / name for name in ("root.pem", "chain.pem", "key.pem")]
    root, chain, key = files
    authority = folder / "authority.key"
    request = folder / "request.pem"
    extension = folder / "names"
    extension.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *new, "-subj", "/CN=Root of the benchmark", "-days", "2", "-keyout", authority, "-out", root)
    openssl("req", *new, "-subj", "/CN=localhost", "-keyout", key, "-out", request)
    signed = ["-CA", root, "-CAkey", authority, "-CAcreateserial", "-days", "2", "-extfile", extension]
    openssl("x509", "-req", "-in", request, *signed, "-out", chain)
    return files


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"openssl {words[0]} failed: {done.stderr.strip()}")


def is_served(address, name, trusting):
    """Whether a visitor who believes the issuer alone gets a connection."""
    try:
        with socket.create_connection(address, 5) as plain, trusting.wrap_socket(plain, server_hostname=name):
            return True
    except OSError:
        return False


def wait_until_served(address, names, root, seconds):
    """When, by the monotonic clock, the first name was served, and the last."""
    trusting = ssl.create_default_context(cafile=root)
    deadline = time.monotonic() + seconds
    left, first = list(names), None
    while left:
        if time.monotonic() > deadline:
            raise Failed(f"{len(left)} of {len(names)} names have no certificate after {seconds} s, {left[0]} for one.")
        if is_served(address, left[-1], trusting):
            first = first or time.monotonic()
            left.pop()
        else:
            # The others may be further.
            left.insert(0, left.pop())
            time.sleep(0.02)
    return first, time.monotonic()
