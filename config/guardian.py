"""`python -m config.guardian TOKEN`: ends an arena whose supervisor was killed.

Its standard input is a pipe that the supervisor holds open and never writes to. When the supervisor
ends in whatever way, the pipe ends too, and everything that carries the token is stopped.
"""

import os
import signal
import sys

from config.children import end, family

GRACE_S = 5.0


def main() -> None:
    token = sys.argv[1]
    # Ctrl-C and a closed terminal are the supervisor's to handle.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(sys.stdin.fileno(), 1):
        continue
    end(family(token), GRACE_S)


if __name__ == "__main__":
    main()
