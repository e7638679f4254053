"""The two small C programs beside this file, made on first use in the temporary folder."""

import pathlib
import subprocess

from processes import Failed, find_program

HERE = pathlib.Path(__file__).parent
COMPILERS = ("cc", "gcc", "clang")
# The libraries are named by file, because only what runs is needed here, not what develops.
LIBRARIES = {"upstream": [], "handshakes": ["-pthread", "-l:libssl.so.3", "-l:libcrypto.so.3"]}


def program(folder, name):
    made = folder / f"{name}.program"
    if not made.exists():
        command = [find_program(*COMPILERS), "-O2", "-o", made, HERE / f"{name}.c", *LIBRARIES[name]]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if result.returncode != 0:
            raise Failed(f"{name}.c does not compile: {result.stderr.strip()}")
    return made
