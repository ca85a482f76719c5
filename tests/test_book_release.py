"""What `make release-check` says: nothing of a project that is ready, and each thing that one lacks. Marked `book`."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "book"))
pytest.importorskip("sphinx")

from bookkit import release  # noqa: E402

pytestmark = pytest.mark.book
FILES = {
    "wsigen/__init__.py": '__version__ = "1.2.0"\n',
    "CHANGELOG.md": "# Changelog\n\n## [1.2.0]\n\n- All.\n",
    "CITATION.cff": """version: 1.2.0
date-released: 2026-12-01
repository-code: https://example.org/code
doi: 10.1234/5
authors:
  - given-names: Ada
    family-names: Byron
preferred-citation:
  title: Slides
""",
    "metadata.yaml": """authors:
  - name: Ada Byron
    orcid: 0000-0001-2345-6789
affiliations:
  - name: A college
code:
  - url: https://example.org/code
  - doi: 10.1234/5
replication:
  - cite: "A. Author. Slides. 2024."
""",
    "paper.md": """---
authors:
  - name: Ada Byron
affiliations:
  - name: A college
---

# Summary
""",
}


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    """A project that lacks nothing."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "All"], check=True)
    subprocess.run([*git, "tag", "v1.2.0"], check=True)
    return tmp_path


def lacking(root: Path) -> list[str]:
    return [lacks for _, lacks in release.checks(root) if lacks]


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_project_that_is_ready_lacks_nothing(ready: Path) -> None:
    assert lacking(ready) == []


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@pytest.mark.parametrize(
    ("file", "old", "new", "lacks"),
    [
        ("wsigen/__init__.py", "1.2.0", "1.3.0", "1.2.0, not 1.3.0"),
        ("CHANGELOG.md", "## [1.2.0]", "## Unreleased", "a heading `## 1.2.0`"),
        ("CITATION.cff", "date-released", "date", "date-released"),
        ("CITATION.cff", "doi: 10", "id: 10", "doi, from the archive"),
        ("metadata.yaml", "Ada Byron", "A. Byron", "['A. Byron'], not ['Ada Byron']"),
        ("metadata.yaml", "Slides", "Slide", "Slides"),
        ("metadata.yaml", "orcid: 0", "number: 0", "orcid in metadata.yaml"),
        ("paper.md", "A college", "None; a collective", "affiliations in metadata.yaml, paper.md"),
    ],
)
def test_each_thing_that_is_missing_is_named(
    ready: Path, file: str, old: str, new: str, lacks: str
) -> None:
    text = (ready / file).read_text("utf-8")
    (ready / file).write_text(text.replace(old, new, 1), "utf-8")
    assert {lacks, "a commit"} <= set(lacking(ready))
