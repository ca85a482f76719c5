"""axe-core, a known auditor of web pages, for tests in the browser. It comes from npm by package-lock.json."""

from pathlib import Path
from typing import Any

import pytest

AXE = Path(__file__).parent.parent / "node_modules" / "axe-core" / "axe.min.js"
WCAG_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def audit(page: Any, rules: list[str] | None = None) -> list[str]:
    """What axe-core finds wrong on a Playwright page, one line for each element.

    Args:
        page: as it stands now; what is hidden is not looked at.
        rules: tags of axe-core; by default those of WCAG 2.2 AA.
    """
    if not AXE.is_file():
        pytest.skip(f"no axe-core in {AXE.parent}: run `npm ci --ignore-scripts`")
    page.evaluate(
        AXE.read_text("utf-8")
    )  # past the page's policy on scripts, which is not loosened
    options = {"runOnly": rules or WCAG_AA, "resultTypes": ["violations"]}
    found = page.evaluate("options => axe.run(document, options)", options)
    assert len(found["passes"]) > 5, "axe-core looked at nothing"
    return [
        f"{rule['id']} ({rule['impact']}): {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
