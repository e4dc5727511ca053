#!/usr/bin/env python3
"""Record the demo as an animated SVG: the picture in the README.

    pip install pyte
    cargo build --release
    python3 assets/record.py target/release/kvitto assets/demo.svg

The program runs in a pseudo-terminal and is typed into as a person would; what it draws goes through a terminal emulator
(pyte). Each row of the screen becomes one element for every text that it ever had, shown while it stood there. Waiting
is cut short, and nothing else is changed.
"""
import fcntl, os, pty, re, select, signal, struct, sys, termios, time
from html import escape

import pyte

COLUMNS, ROWS = 100, 28
CELL, LINE, SIZE, MARGIN = 8.4, 18, 14, 14
LONGEST_WAIT = 1.6
END = 4.0
TEXT, BACK = "d4d4d4", "1e1e1e"
COLOURS = {
    "black": "3b3b3b", "red": "f14c4c", "green": "23d18b", "brown": "e5c07b", "blue": "3b8eea", "magenta": "d670d6",
    "cyan": "29b8db", "white": "e5e5e5", "brightblack": "808080", "brightred": "f14c4c", "brightgreen": "23d18b",
    "brightbrown": "f5f543", "brightyellow": "f5f543", "brightblue": "6cb2ff", "brightmagenta": "d670d6",
    "brightcyan": "29d3f0", "brightwhite": "ffffff",
}

ESC, ENTER, BACK_TAB = "\x1b", "\r", "\x1b[Z"
# What to wait for on the screen, how long to look at it, and what to type then.
STEPS = [
    (r"Write me a line", 2.5, "hello Ada, are you there?" + ENTER),
    (r"are you there\?(.|\n)*●●(.|\n)*how fast\?", 3.0, ESC),
    (r"who received it", 0.6, "k"),
    (r"▌ ", 0.6, "k"),
    (r"▌ .*are you there|▌ You|▌", 0.8, "i"),
    (r"Delivery", 3.5, ESC),
    (r"who received it", 0.4, BACK_TAB),
    (r"filter", 0.4, "/Grace" + ENTER),
    (r"Message Grace", 0.8, "hello Grace" + ENTER),
    (r"●○(.|\n)*half a minute", 2.5, "take the tablet, please" + ENTER),
    (r"hello Grace.*●●(.|\n)*please.*●●", 2.5, ESC),
    (r"who received it", 0.4, BACK_TAB),
    (r"filter", 0.4, "/Linus" + ENTER),
    (r"Message Linus", 0.8, "can you read this?" + ENTER),
    (r"can you read this\?.*×(.|\n)*which device", 2.5, ESC),
    (r"who received it", 0.4, BACK_TAB),
    (r"filter", 0.4, "/Society" + ENTER),
    (r"Message Analytical", 0.8, "good evening, everybody" + ENTER),
    (r"✓ 41/42", 1.0, ""),
]


class Recording:
    """The program, and every change of its screen with the time at which it came."""

    def __init__(self, program):
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        self.frames = []
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LC_ALL="C.UTF-8")
            os.environ.pop("NO_COLOR", None)
            os.execvp(program, [program, "demo"])
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    def watch(self, seconds):
        """Takes in what is drawn for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.terminal], [], [], min(left, 0.03))[0]:
                self.stream.feed(os.read(self.terminal, 65536))
            elif self.screen.dirty:
                self.screen.dirty.clear()
                self.frames.append((time.monotonic(), [row(self.screen, y) for y in range(ROWS)]))

    def wait(self, pattern):
        end = time.monotonic() + 60
        while not re.search(pattern, self.text()):
            if time.monotonic() > end:
                sys.exit(f"waited for {pattern}\n{self.text()}")
            self.watch(0.05)

    def text(self):
        rows = ("".join(self.screen.buffer[y][x].data for x in range(COLUMNS)) for y in range(ROWS))
        return "\n".join(line.rstrip() for line in rows)

    def press(self, keys):
        """Types letter by letter, but for keys that are one sequence."""
        for key in [keys] if keys.startswith(ESC) else keys:
            os.write(self.terminal, key.encode())
            self.watch(0.07)

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        os.waitpid(self.pid, 0)


def row(screen, y):
    """One row as runs of one style: (column, columns, text, colour, background, bold)."""
    runs = []
    for x in range(COLUMNS):
        cell = screen.buffer[y][x]
        if not cell.data:  # The right half of a wide character.
            runs[-1] = (runs[-1][0], 2, *runs[-1][2:])
            continue
        style = [colour(cell.fg, TEXT), colour(cell.bg, BACK)]
        if cell.reverse:
            style.reverse()
        if (screen.cursor.x, screen.cursor.y) == (x, y) and not screen.cursor.hidden:
            style = [BACK, TEXT]
        # Letters may share an element, and so may the signs of a line; other signs stand where they stand.
        before = runs[-1][2] if runs and runs[-1][3:] == (*style, cell.bold) else ""
        if before and (set(before) == {cell.data} or (before + cell.data).isascii()):
            runs[-1] = (runs[-1][0], runs[-1][1] + 1, runs[-1][2] + cell.data, *runs[-1][3:])
        else:
            runs.append((x, 1, cell.data, *style, cell.bold))
    return tuple(run for run in runs if run[2].strip() or run[4] != BACK)


def colour(name, default):
    if name == "default":
        return default
    return COLOURS.get(name, name if re.fullmatch("[0-9a-f]{6}", name) else default)


def drawn(runs, y):
    parts = []
    for x, columns, text, ink, back, bold in runs:
        left, top, wide = MARGIN + x * CELL, MARGIN + y * LINE, columns * CELL
        if back != BACK:
            parts.append(f'<rect x="{left:.1f}" y="{top}" width="{wide:.1f}" height="{LINE}" fill="#{back}"/>')
        if text.strip():
            lead, trail = len(text) - len(text.lstrip()), len(text) - len(text.rstrip())
            left, wide, text = left + lead * CELL, wide - (lead + trail) * CELL, text.strip()
            weight = ' font-weight="bold"' if bold else ""
            parts.append(
                f'<text x="{left:.1f}" y="{top + SIZE}" textLength="{wide:.1f}" fill="#{ink}"{weight}>'
                f"{escape(text)}</text>"
            )
    return "".join(parts)


def svg(frames):
    """The frames as one picture; waiting is cut short."""
    times, now = [], 0.0
    for (before, _), (at, _) in zip([frames[0], *frames], frames):
        now += min(at - before, LONGEST_WAIT)
        times.append(now)
    total = now + END
    width, height = 2 * MARGIN + COLUMNS * CELL, 2 * MARGIN + ROWS * LINE
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" font-size="{SIZE}" '
        'font-family="ui-monospace, \'DejaVu Sans Mono\', Menlo, Consolas, monospace" xml:space="preserve">',
        f'<rect width="100%" height="100%" rx="8" fill="#{BACK}"/>',
    ]
    for y in range(ROWS):
        shown = {}
        for index, (_, rows) in enumerate(frames):
            if index == 0 or rows[y] != frames[index - 1][1][y]:
                end = next((i for i in range(index + 1, len(frames)) if frames[i][1][y] != rows[y]), None)
                shown.setdefault(rows[y], []).append((times[index], total if end is None else times[end]))
        for runs, spans in shown.items():
            if not runs:
                continue
            keys, values = [0.0], ["hidden"]
            for begin, end in spans:
                for at, value in ((begin, "visible"), (end, "hidden")):
                    if at / total <= keys[-1]:
                        values[-1] = value
                    elif at < total:
                        keys.append(at / total)
                        values.append(value)
            if values == ["visible"]:
                out.append(f"<g>{drawn(runs, y)}</g>")
                continue
            out.append(
                f'<g visibility="hidden">{drawn(runs, y)}<animate attributeName="visibility" calcMode="discrete" '
                f'dur="{total:.2f}s" repeatCount="indefinite" values="{";".join(values)}" '
                f'keyTimes="{";".join(f"{key:.4f}" for key in keys)}"/></g>'
            )
    return "\n".join([*out, "</svg>"]) + "\n"


def main():
    program, target = sys.argv[1:]
    recording = Recording(os.path.abspath(program))
    for pattern, look, keys in STEPS:
        recording.wait(pattern)
        recording.watch(look)
        if keys:
            recording.press(keys)
    recording.watch(1)
    recording.stop()
    with open(target, "w", encoding="utf-8") as file:
        file.write(svg(recording.frames))


main()
