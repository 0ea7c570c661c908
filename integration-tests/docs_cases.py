"""The listings of docs/: built, loaded and run as they stand there."""
from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from pathlib import Path

from case_registry import Settings, case
from server_process import Server, check, check_equal, eventually

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "writing-behaviours.md"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)


def blocks(kind: str, page: Path = PAGE) -> list[tuple[str, str]]:
    """Name and text of each listing of this kind."""
    return [(name, text) for found, name, text in BLOCK.findall(page.read_text()) if found == kind]


def build_listings(folder: Path) -> None:
    for name, text in blocks("lua"):
        (folder / name).write_text(text)
    for name, text in blocks("c"):
        source = folder / name
        source.write_text(text)
        subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-I",
                        str(ROOT / "server" / "include"), "-o", str(source.with_suffix(".so")), str(source)],
                       check=True)


def pattern_of(expected: str) -> str:
    """`*` stands for a number."""
    return re.escape(expected).replace(r"\*", r"\d+")


def run_session(server: Server, text: str, later: bool) -> int:
    """Runs the lines that begin with `$ peeper`; what stands below each is what it prints, or, of one to be looked at
    later, will print before long. Answers how many."""
    commands = re.split(r"^\$ peeper ", text, flags=re.M)[1:]
    for command in commands:
        line, _, expected = command.partition("\n")
        printed = [""]

        def as_expected() -> bool:
            done = server.cli(*shlex.split(line))
            printed[0] = (done.stdout + done.stderr).strip()
            return re.fullmatch(pattern_of(expected.strip()), printed[0]) is not None

        if later:
            eventually(as_expected, f"peeper {line}: prints {expected.strip()!r}")
        else:
            check(as_expected(), f"peeper {line}: printed {printed[0]!r} instead of {expected.strip()!r}")
    return len(commands)


@case("docs: the listings of writing-behaviours.md build, load and answer as it says")
def listings(settings: Settings) -> None:
    with tempfile.TemporaryDirectory(prefix="peeper-docs-") as name:
        folder = Path(name)
        build_listings(folder)
        check(len(blocks("lua")) == 4 and len(blocks("c")) == 2, "listings are missing")
        with Server(settings.build, log_name="docs", behaviours=folder) as server:
            check("load_failed" not in server.log_path.read_text(), "a listing does not load")
            ran = sum(run_session(server, text, when == "later") for when, text in blocks("session"))
            check_equal(ran, 20, "commands of the sessions")
            crash = server.client().inspect("mine").last_crash
            check("cart.lua:10: in handle_call" in crash["backtrace"], f"the trace is {crash['backtrace']}")


@case("docs: the commands of http.md print what it says")
def http_page(settings: Settings) -> None:
    ran = 0
    with Server(settings.build, log_name="docs-http") as server:
        for _, text in blocks("http", ROOT / "docs" / "http.md"):
            for command in re.split(r"^\$ ", text, flags=re.M)[1:]:
                line, _, expected = command.partition("\n")
                here = line.replace("localhost:7421", f"{server.http[0]}:{server.http[1]}")
                done = subprocess.run(["bash", "-c", here], capture_output=True, text=True, timeout=20)
                printed = (done.stdout.replace("\r", "") + done.stderr).strip()
                check(re.fullmatch(pattern_of(expected.strip()), printed) is not None,
                      f"{line}: printed {printed!r} instead of {expected.strip()!r}")
                ran += 1
    check_equal(ran, 14, "commands of the page")
