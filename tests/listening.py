"""Which addresses a program listens at, on Linux."""

import contextlib
import os
from pathlib import Path

LOOPBACK = {  # 127.0.0.1, ::1 and ::ffff:127.0.0.1, as /proc writes them
    "0100007F",
    "00000000000000000000000001000000",
    "0000000000000000FFFF00000100007F",
}


def listeners(process: int) -> set[str]:
    """Returns the addresses that listen in the network that a process has for itself, as Linux writes them in /proc.

    None, as long as it has not come to its own network, and once it has ended.
    """
    found = set()
    with contextlib.suppress(OSError):
        if os.readlink(f"/proc/{process}/ns/net") != os.readlink("/proc/self/ns/net"):
            for table in ("tcp", "tcp6"):
                rows = map(str.split, Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:])
                found |= {row[1].split(":")[0] for row in rows if row[3] == "0A"}  # it listens
    return found
