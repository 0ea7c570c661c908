"""Which rules of semantics.yaml the cases cover: by the numbers (C-123) in the names of the cases."""
from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterable

import yaml

LIST = Path(__file__).resolve().parent / "semantics.yaml"
SOURCE_ROOT = LIST.parent.parent
EXCUSES = ("cluster", "in", "later")


@dataclass
class Rule:
    """One number: what it is about, and why it may be without a case."""

    number: str
    about: str
    excuse: str = ""  # one of EXCUSES, or nothing: a case is required
    excuse_text: str = ""
    differs: str = ""
    cases: dict[str, bool] = field(default_factory=dict)  # name: passed


def rule_from(number: str, entry: dict[str, Any]) -> Rule:
    unknown = set(entry) - {"about", "differs", *EXCUSES}
    if unknown:
        raise ValueError(f"{LIST.name}: {number} has {sorted(unknown)}")
    excuses = [excuse for excuse in EXCUSES if excuse in entry]
    excuse = excuses[0] if excuses else ""
    return Rule(number, entry["about"], excuse, entry.get(excuse, ""), entry.get("differs", ""))


def load() -> dict[str, list[Rule]]:
    sections = yaml.safe_load(LIST.read_text())["sections"]
    return {title: [rule_from(number, entry) for number, entry in rules.items()]
            for title, rules in sections.items()}


def numbers_in(name: str) -> list[str]:
    return re.findall(r"\bC-\d{3}\b", name)


def verdict(rule: Rule) -> str:
    """passed, failed, missing, or the excuse."""
    if rule.cases:
        return "passed" if all(rule.cases.values()) else "failed"
    if rule.excuse == "in" and rule.number not in (SOURCE_ROOT / rule.excuse_text).read_text():
        return "missing"
    return rule.excuse or "missing"


def print_rule(rule: Rule) -> str:
    word = verdict(rule)
    told = f" ({rule.excuse_text})" if rule.excuse and not rule.cases else ""
    print(f"  {rule.number}  {word:8}{rule.about}{told}")
    for name, passed in rule.cases.items():
        print(f"         {'ok  ' if passed else 'FAIL'}    {name}")
    if rule.differs:
        print(f"         differs: {rule.differs}")
    return word


def report(sections: dict[str, list[Rule]], results: Iterable[tuple[str, bool]]) -> bool:
    """Prints the table; answers whether every rule is covered or excused, and no covering case failed."""
    rules = {rule.number: rule for listed in sections.values() for rule in listed}
    for name, passed in results:
        for number in numbers_in(name):
            if number in rules:
                rules[number].cases[name] = passed
    counts: dict[str, int] = defaultdict(int)
    for title, listed in sections.items():
        print(f"\n{title}")
        for rule in listed:
            counts[print_rule(rule)] += 1
    print("\nsemantics: " + ", ".join(f"{count} {word}" for word, count in sorted(counts.items())))
    return counts["failed"] == 0 and counts["missing"] == 0
