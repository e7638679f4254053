"""What a box has and could have ever more of: descriptors, memory, processes, control groups, files."""

import os
import pathlib

import processes

# A name of its own for each run: control groups are the whole machine's.
APP = f"bench{os.getpid()}"
CGROUPS = pathlib.Path("/sys/fs/cgroup")


def reading(box):
    """Everything that may grow, by its name; sizes in KiB."""
    agent, planes = box.child.pid, box.data_planes()
    runtime, state = box.folder / "runtime", box.folder / "state"
    store, store_log = state / "ondol.db", state / "ondol.db-wal"
    return {
        "descriptors of the agent": descriptors([agent]),
        "descriptors of the data plane": descriptors(planes),
        "threads of the agent": threads([agent]),
        "memory of the agent (KiB)": processes.memory_kib([agent])["pss"],
        "memory of the data plane (KiB)": processes.memory_kib(planes)["pss"],
        "processes": len(box.child.tree()),
        "control groups": control_groups(),
        "mounts": len(pathlib.Path(f"/proc/{agent}/mountinfo").read_text().splitlines()),
        "files in the runtime folder": sum(len(files) + len(folders) for _, folders, files in os.walk(runtime)),
        "files in the state folder": sum(len(files) + len(folders) for _, folders, files in os.walk(state)),
        "disk of the state folder (KiB)": kib(file for file in everything(state) if not file.name.startswith("ondol.db")),
        "disk of the logs (KiB)": kib(everything(box.folder / "logs")),
        "store (KiB)": kib([store]),
        "log of the store (KiB)": kib([store_log]),
    }


def control_groups():
    """Those of the app's processes. Another benchmark's come and go."""
    return sum(folder.name.startswith(f"ondol-{APP}-") for folder in CGROUPS.rglob("ondol-*") if folder.is_dir())


def descriptors(pids):
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)


def threads(pids):
    return sum(len(os.listdir(f"/proc/{pid}/task")) for pid in pids)


def everything(folder):
    return [pathlib.Path(place, name) for place, _, names in os.walk(folder) for name in names]


def kib(files):
    return sum(os.lstat(file).st_blocks * 512 for file in files if os.path.lexists(file)) // 1024
