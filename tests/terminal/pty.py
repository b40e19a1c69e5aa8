"""Runs a program in a pseudo-terminal and reports the state of the terminal afterwards.

pty.py COLUMNS LINES STEPS PROGRAM ARGUMENT...

STEPS is a JSON list: ["see", TEXT] waits until a line of the screen holds it, ["send", TEXT] presses keys, ["resize",
COLUMNS, LINES] changes the window, ["signal", NUMBER] sends a signal. When they are done the program must end by
itself. Prints one JSON object: its exit code, all that it has written, and whether the terminal's settings are those of
before. Uses Python's standard library alone; whatever happens, the program does not outlive this one.
"""

import codecs
import fcntl
import json
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

DEADLINE = 60


SEQUENCE = re.compile(r"\x1b\[([0-9;?]*)([@-~])|\x1b.|(.)", re.DOTALL)


class Screen:
    """What is seen of the little that the program uses: places, clearing, characters of one column each."""

    def __init__(self):
        self.cells, self.row, self.column, self.rest = {}, 0, 0, ""

    def take(self, text):
        text = self.rest + text
        # A sequence may come in two pieces.
        begun = re.search(r"\x1b(\[[0-9;?]*)?$", text)
        text, self.rest = (text[: begun.start()], begun.group()) if begun else (text, "")
        for numbers, what, character in SEQUENCE.findall(text):
            if what == "H":
                row, column = (numbers.split(";") + ["1"])[:2]
                self.row, self.column = int(row or 1) - 1, int(column or 1) - 1
            elif what == "J":
                self.cells = {}
            elif character:
                self.cells[self.row, self.column] = character
                self.column += 1

    def lines(self):
        last = max((row for row, _ in self.cells), default=-1)
        width = max((column for _, column in self.cells), default=-1) + 1
        return ["".join(self.cells.get((row, c), " ") for c in range(width)) for row in range(last + 1)]


def resize(fd, columns, lines):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def main():
    columns, lines, steps = int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
    master, slave = os.openpty()
    resize(slave, columns, lines)
    before = termios.tcgetattr(slave)
    child = subprocess.Popen(
        sys.argv[4:], stdin=slave, stdout=slave, stderr=slave, start_new_session=True, close_fds=True
    )
    written, screen, decoder = [], Screen(), codecs.getincrementaldecoder("utf-8")("replace")
    begun = time.monotonic()

    def take():
        text = decoder.decode(os.read(master, 65536))
        written.append(text)
        screen.take(text)

    def pump(why):
        if time.monotonic() - begun > DEADLINE:
            raise SystemExit(f"{why}: not within {DEADLINE} s\n" + "\n".join(screen.lines()))
        if select.select([master], [], [], 0.05)[0]:
            take()

    try:
        for step in steps:
            if step[0] == "see":
                while not any(step[1] in line for line in screen.lines()):
                    if child.poll() is not None:
                        raise SystemExit(f"it ended before {step[1]!r} was seen: {''.join(written)!r}")
                    pump(f"{step[1]!r} is to be seen")
            elif step[0] == "send":
                os.write(master, step[1].encode())
            elif step[0] == "resize":
                resize(slave, step[1], step[2])
                child.send_signal(signal.SIGWINCH)
                # Nobody types in the very moment of a resize; crossterm may keep such a key until the next one.
                before_it = len(written)
                while len(written) == before_it:
                    pump("it must redraw")
                while select.select([master], [], [], 0.3)[0]:
                    take()
            elif step[0] == "signal":
                child.send_signal(step[1])
        while child.poll() is None:
            pump("it is to end")
        while select.select([master], [], [], 0.1)[0]:
            take()
    finally:
        child.kill()
        child.wait()
    after = termios.tcgetattr(slave)
    report = {"code": child.returncode, "written": "".join(written), "restored": before == after}
    print(json.dumps(report))


main()
