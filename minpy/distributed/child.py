"""Runs a command and ends with the launcher: no process is left when that goes, or the connection to it.

The launcher runs this text by ``python -c``, on its own machine or by ssh; nothing of MinPy is imported.
While standard input is open the launcher is there. It writes numbers of signals there, for the command.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def adopt_orphans():
    """From now on processes below this one come to it when their parents end."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def kill_children():
    """Kill all processes below this one."""
    while True:
        try:
            children = Path("/proc/self/task", str(os.getpid()), "children").read_text().split()
        except OSError:
            return
        if not children:
            return
        for pid in children:
            with contextlib.suppress(OSError):
                os.kill(int(pid), signal.SIGKILL)
                os.waitpid(int(pid), 0)


def main(command):
    own = os.getpid()
    adopt_orphans()

    def prepare():  # in the new process: it ends when this one does
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != own:
            os._exit(1)

    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=prepare, start_new_session=True)

    def end():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def follow():
        while True:
            try:
                number = os.read(0, 1)
            except OSError:
                number = b""
            if not number:
                end()
                return
            process.send_signal(number[0])

    threading.Thread(target=follow, daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    status = process.wait()
    end()
    kill_children()  # those that have left its group
    os._exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main(sys.argv[1:])
