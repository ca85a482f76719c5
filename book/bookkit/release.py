"""What is missing before a release: versions, authors and addresses that have to agree, and what only others know.

    python -m bookkit.release

prints a line for each check; it ends with 1 while something is missing.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from bookkit.places import ROOT

COLLECTIVE = "The wsigen developers"
Check = tuple[str, str | None]  # what is checked, and what is missing, if anything


def checks(root: Path) -> Iterator[Check]:
    """All checks of a checkout, those of its files first."""
    version = found(r'__version__ = "([^"]+)"', root / "wsigen" / "__init__.py")
    citation = yaml.safe_load((root / "CITATION.cff").read_text("utf-8"))
    article = yaml.safe_load((root / "metadata.yaml").read_text("utf-8"))
    paper = next(yaml.safe_load_all((root / "paper.md").read_text("utf-8").split("\n---\n")[0]))
    yield from versions(root, version, citation)
    yield from names(citation, article, paper)
    yield from addresses(citation, article)
    yield from repository(root, version)


def versions(root: Path, version: str, citation: dict[str, Any]) -> Iterator[Check]:
    """One version everywhere, told in the changelog, with a date."""
    cited = str(citation.get("version"))
    yield (
        "CITATION.cff has the package's version",
        missing(cited == version, f"{cited}, not {version}"),
    )
    told = re.search(
        rf"(?m)^## \[?{re.escape(version)}\b", (root / "CHANGELOG.md").read_text("utf-8")
    )
    yield "CHANGELOG.md has a section of this version", missing(told, f"a heading `## {version}`")
    yield "CITATION.cff has the day", missing(citation.get("date-released"), "date-released")


def names(
    citation: dict[str, Any], article: dict[str, Any], paper: dict[str, Any]
) -> Iterator[Check]:
    """The same authors and the same paper in all three."""
    cited = [name_of(author) for author in citation["authors"]]
    for file, listed in (("metadata.yaml", article["authors"]), ("paper.md", paper["authors"])):
        own = [author["name"] for author in listed]
        yield (
            f"{file} has the authors of CITATION.cff",
            missing(own == cited, f"{own}, not {cited}"),
        )
    title = citation["preferred-citation"]["title"]
    told = article["replication"][0]["cite"]
    yield "metadata.yaml replicates the paper that is cited", missing(title in told, title)
    yield "authors are persons", missing(COLLECTIVE not in cited, f"names in place of {COLLECTIVE}")
    orcids = [author.get("orcid") for author in article["authors"]]
    yield "authors have ORCIDs", missing(all(orcids), "orcid in metadata.yaml")
    places = [each["name"] for each in (*article["affiliations"], *paper["affiliations"])]
    own_place = not any(str(place).startswith("None") for place in places)
    yield (
        "authors have an affiliation",
        missing(own_place, "affiliations in metadata.yaml, paper.md"),
    )


def addresses(citation: dict[str, Any], article: dict[str, Any]) -> Iterator[Check]:
    """Where the code is, and where it is archived."""
    yield "CITATION.cff has an address", missing(citation.get("repository-code"), "repository-code")
    yield "CITATION.cff has a DOI", missing(citation.get("doi"), "doi, from the archive")
    code = {name: value for entry in article["code"] for name, value in entry.items()}
    for name in ("url", "doi"):
        yield f"metadata.yaml has the {name} of the code", missing(code.get(name), f"code: {name}")


def repository(root: Path, version: str) -> Iterator[Check]:
    """A clean checkout with a tag."""
    yield "nothing is uncommitted", missing(not git(root, "status", "--porcelain"), "a commit")
    tagged = git(root, "tag", "--list", f"v{version}", "--points-at", "HEAD")
    yield f"this commit is tagged v{version}", missing(tagged, f"git tag v{version}")


def missing(met: object, what: str) -> str | None:
    """What is missing where a check is not met."""
    return None if met else what


def name_of(author: dict[str, str]) -> str:
    """An author of CITATION.cff as one name."""
    return author.get("name") or f"{author['given-names']} {author['family-names']}"


def found(pattern: str, file: Path) -> str:
    """The one group of a pattern in a file."""
    match = re.search(pattern, file.read_text("utf-8"))
    return match[1] if match else ""


def git(root: Path, *words: str) -> str:
    """What git says, nothing where there is no repository."""
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True)
    return done.stdout.strip()


def main() -> int:
    """Print all checks."""
    lacking = 0
    for what, lacks in checks(ROOT):
        print(f"{'met    ' if lacks is None else 'MISSING'}  {what}{f': {lacks}' if lacks else ''}")
        lacking += lacks is not None
    print("ready to release" if not lacking else f"{lacking} missing")
    return int(lacking > 0)


if __name__ == "__main__":
    sys.exit(main())
