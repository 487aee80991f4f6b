"""What came out of breaking things, as a table at the end: it is the one in docs/reliability.md."""

from collections import Counter
from collections.abc import Callable

import pytest


@pytest.fixture
def tried(record_property) -> Callable[[str, Counter], None]:
    """Notes what was tried, and how often what came out."""

    def note(what: str, outcomes: Counter) -> None:
        counts = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
        record_property("tried", f"| {what} | {outcomes.total():,} | {counts} |")

    return note


def pytest_terminal_summary(terminalreporter) -> None:
    rows = {
        row
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        for name, row in report.user_properties
        if name == "tried"
    }
    if rows:
        terminalreporter.write_sep("-", "what was tried, and what came out")
        terminalreporter.write_line("\n".join(sorted(rows)))
