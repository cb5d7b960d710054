"""`python -m config.guardian TOKEN`: ends an arena whose supervisor was killed.

Its standard input is a pipe from the supervisor, with the number of each process that it starts on
a line. When the supervisor ends, in whatever way, the pipe ends too, and every one of them that is
still there is stopped, and everything that carries the token.
"""

import signal
import sys

import psutil

from config.children import end, family

GRACE_S = 5.0


def main() -> None:
    token = sys.argv[1]
    # Ctrl-C and a closed terminal are the supervisor's to handle.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    started: dict[int, psutil.Process] = {}
    for line in sys.stdin:
        pid = int(line)
        try:
            started[pid] = psutil.Process(pid)  # with its start time: numbers are used again
        except psutil.NoSuchProcess:
            continue
    # None if it was a stop in good order.
    end([process for process in started.values() if process.is_running()], GRACE_S)
    end(family(token), GRACE_S)


if __name__ == "__main__":
    main()
