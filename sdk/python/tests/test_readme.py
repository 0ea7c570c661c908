"""The README's examples are run as they stand, but for the address. What needs FastAPI is only compiled."""
from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Server

README = Path(__file__).resolve().parents[1] / "README.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.M | re.S)


def test_the_readme_has_examples() -> None:
    assert len(EXAMPLES) == 4 and EXAMPLES[0].count("\n") == 5


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_of_the_readme(servers: Callable[..., Server], tmp_path: Path, example: str) -> None:
    assert "localhost:7420" in example
    if "fastapi" in example:
        compile(example, "README.md", "exec")
        return
    program = tmp_path / "example.py"
    program.write_text(example.replace("localhost:7420", servers().address))
    done = subprocess.run([sys.executable, "-W", "error", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    # Each print says what comes, in the comment behind it.
    expected = [comment for comment in re.findall(r"print\(.*\)  # (.*)", example)
                if not comment.startswith(("a crash", "Changed"))]
    assert [line for line in done.stdout.splitlines() if line in expected] == expected and done.stdout
