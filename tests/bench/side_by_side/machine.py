"""What it was measured on: no names of hosts or paths."""
import os
import pathlib
import platform
import re


def machine():
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.*)$", cpuinfo, re.M)
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1))
    kernel = re.match(r"\d+\.\d+(?:\.\d+)?", platform.release())
    return {
        "cpu": model.group(1).strip() if model else platform.machine(),
        "cores": os.cpu_count(),
        "virtual": bool(re.search(r"^flags\s*:.*\bhypervisor\b", cpuinfo, re.M)),
        "memory_gib": round(memory / (1 << 20)),
        "kernel": kernel.group() if kernel else "?",
        "system": system(),
        "load": round(os.getloadavg()[0], 2),
    }


def system():
    try:
        found = re.search(r'^PRETTY_NAME="(.*)"$', pathlib.Path("/etc/os-release").read_text(), re.M)
    except OSError:
        found = None
    return found.group(1) if found else platform.system()
