"""Installs the peers and the clients from Debian, without leaving their services running."""

import pathlib
import shutil
import subprocess

import load
import peers

POLICY = pathlib.Path("/usr/sbin/policy-rc.d")
INSTALL_SECONDS_MAX = 900


def install():
    wanted = [peer.package for peer in peers.PEERS if peer.package] + " ".join(load.PACKAGES.values()).split()
    new = [package for package in wanted if not installed(package)]
    if not new:
        print("Everything is installed.")
        return
    ours = forbid_starting()
    try:
        apt("update", "-qq")
        apt("install", "-y", "-qq", "--no-install-recommends", *new)
    finally:
        if ours:
            POLICY.unlink()
    keep_from_starting_at_boot(new)
    print(f"Installed {', '.join(new)}; none of them was started.")


def installed(package):
    query = ["dpkg-query", "-W", "-f", "${Status}", package]
    return "ok installed" in subprocess.run(query, capture_output=True, text=True, check=False).stdout


def forbid_starting():
    """Debian's way to say that installing must start nothing; true when the file is ours to remove again."""
    if POLICY.exists():
        return False
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    return True


def apt(*words):
    command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *words]
    subprocess.run(command, check=True, timeout=INSTALL_SECONDS_MAX)


def keep_from_starting_at_boot(packages):
    """Only for what was installed just now: a web server that was here before belongs to someone."""
    if not shutil.which("systemctl"):
        return
    for peer in peers.PEERS:
        if peer.package in packages:
            service = "apache2" if peer.name == "apache" else peer.name
            subprocess.run(["systemctl", "disable", "--quiet", service], check=False, timeout=60)
