"""Draws plots, as a process of its own: Vega-Lite in, SVG or PNG out.

It is run by its path and imports nothing of the arena, so that it starts fast and stays small. A
line of JSON on standard input, {"format": "svg" | "png", "spec": {…}}, is answered by a line with
`ok` or `error` and a number, and so many bytes. It ends when its input does, or when it has had
nothing to do for a while.
"""

import json
import os
import select
import signal
import sys
from typing import Any

import vl_convert

VEGA_LITE = "5.21"
PNG_SCALE = 2.0  # sharp on a dense screen
IDLE_S = 300.0
NICENESS = 10  # whoever waits for an answer goes before a plot


def draw(spec: dict[str, Any], file_format: str) -> bytes:
    # All data stand in the specification: without allowed addresses none are fetched.
    if file_format == "svg":
        return vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE, allowed_base_urls=[]).encode()
    return vl_convert.vegalite_to_png(
        spec, vl_version=VEGA_LITE, scale=PNG_SCALE, allowed_base_urls=[]
    )


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches it by the end of its input
    os.nice(NICENESS)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the answers
    while select.select([sys.stdin], [], [], IDLE_S)[0]:
        line = sys.stdin.buffer.readline()
        if not line:
            break
        request = json.loads(line)
        try:
            word, body = b"ok", draw(request["spec"], request["format"])
        except ValueError as error:  # what vl-convert raises for a specification it cannot draw
            word, body = b"error", str(error).encode()
        answers.write(b"%s %d\n%s" % (word, len(body), body))
        answers.flush()


if __name__ == "__main__":
    main()
