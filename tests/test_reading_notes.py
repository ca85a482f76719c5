"""What the reading notes and the checklists name is there: functions, tests, files and pages."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("book/reading_notes.md", "book/checklists.md", "book/instructor.md")


def named(page, pattern):
    return sorted(set(re.findall(pattern, (ROOT / page).read_text("utf-8"))))


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_is_named_exists(page):
    for file, name in named(page, r"`(tests/\w+\.py)::(\w+)`"):
        assert f"def {name}(" in (ROOT / file).read_text("utf-8"), f"{page}: {file}::{name}"


@pytest.mark.parametrize("page", PAGES)
def test_every_function_that_is_named_exists(page):
    for name in named(page, r"`(wsigen(?:\.\w+)+)`"):
        parts = name.split(".")
        for cut in range(len(parts), 0, -1):
            try:
                found = import_module(".".join(parts[:cut]))
                break
            except ModuleNotFoundError:
                continue
        for attribute in parts[cut:]:
            assert hasattr(found, attribute), f"{page}: {name}"
            found = getattr(found, attribute)


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_exists(page):
    for name in named(page, r"`([\w./-]+\.(?:md|json|ya?ml|toml|txt|cff|py|bib))`"):
        assert (ROOT / name).is_file(), f"{page}: {name}"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_is_named_is_a_target_of_make_or_a_verb(page):
    from wsigen.cli.main import VERBS

    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in named(page, r"`make ([a-z-]+)"):
        assert target in targets, f"{page}: make {target}"
    for verb in named(page, r"`wsigen ([a-z]+)"):
        assert verb in VERBS, f"{page}: wsigen {verb}"


def test_the_notes_say_for_each_point_where_it_is_and_what_holds_it():
    text = (ROOT / "book/reading_notes.md").read_text("utf-8")
    points = text.split("\n### ")[1:]
    assert len(points) >= 20
    for point in points:
        title, body = point.split("\n", 1)
        body = body.split("\n## ")[0]
        assert "- Code: `wsigen." in body, title
        assert "- Tested by: `tests/" in body, title


def test_the_papers_for_the_journals_parse_and_cite_what_the_bibliography_has():
    import yaml

    text = (ROOT / "paper.md").read_text("utf-8")
    _, head, body = text.split("---\n", 2)
    about = yaml.safe_load(head)
    keys = re.findall(
        r"^@\w+\{([\w-]+),", (ROOT / about["bibliography"]).read_text("utf-8"), re.MULTILINE
    )
    assert set(re.findall(r"(?<=[\[ ;])@([\w-]+)", body)) <= set(keys)
    assert len(body.split()) <= 1000  # the journal's wish
    article = yaml.safe_load((ROOT / "metadata.yaml").read_text("utf-8"))
    assert article["type"] == "Replication"
    assert article["replication"][1]["bib"] in keys
