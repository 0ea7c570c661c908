"""report: figures, the table that people read, and bench.json."""

import json
import os
import platform
import re


class Figure:
    """One line of the table: what we measured beside what somebody else did, or alone."""

    def __init__(self, figure, unit, ours, peer=None, theirs=None, reach=None):
        self.figure = figure
        self.unit = unit
        self.ours = ours
        self.peer = peer
        self.theirs = theirs
        self.reach = reach  # ("ratio" or "ours", ">=" or "<=", number): what we want

    @property
    def ratio(self):
        """Ours divided by theirs, whatever the unit."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def met(self):
        if self.reach is None or (self.reach[0] == "ratio" and self.ratio is None):
            return None
        value = self.ratio if self.reach[0] == "ratio" else self.ours
        return value >= self.reach[2] if self.reach[1] == ">=" else value <= self.reach[2]

    def as_json(self):
        return {"figure": self.figure, "unit": self.unit, "ours": self.ours, "peer": self.peer,
                "theirs": self.theirs, "ratio": self.ratio}


def number(value):
    if value is None:
        return ""
    if abs(value) >= 100:
        return "{:,.0f}".format(value)
    return "{:.2f}".format(value) if abs(value) < 10 else "{:.1f}".format(value)


def reach_text(figure):
    if figure.reach is None:
        return ""
    unit = "x" if figure.reach[0] == "ratio" else ""
    return "%s %s%s" % (figure.reach[1], "{:,}".format(figure.reach[2]), unit)


def cells(figure):
    met = {True: "yes", False: "MISSED", None: ""}[figure.met]
    ratio = number(figure.ratio) + "x" if figure.ratio is not None else ""
    return [figure.figure, figure.unit, number(figure.ours), figure.peer or "", number(figure.theirs), ratio,
            reach_text(figure), met]


def table(figures):
    rows = [["figure", "unit", "ours", "peer", "theirs", "ratio", "reach", "met"]] + [cells(f) for f in figures]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    left = {0, 1, 3, 7}
    lines = []
    for row in rows:
        padded = [cell.ljust(width) if i in left else cell.rjust(width)
                  for i, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(padded).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def machine():
    """The machine's name: CPU model, cores, memory, kernel."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"^model name\s*: (.*)$", file.read(), re.M)
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory_kb = int(re.search(r"^MemTotal:\s+(\d+)", file.read(), re.M).group(1))
    return "%s, %d cores, %.0f GiB, %s %s" % (model.group(1) if model else platform.machine(), os.cpu_count(),
                                             memory_kb / 1048576, platform.system(), platform.release())


def write(path, figures):
    with open(path, "w", encoding="utf-8") as file:
        json.dump([figure.as_json() for figure in figures], file, indent=2)
        file.write("\n")
