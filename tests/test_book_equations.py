"""The numbers of the book's equations. Marked `book`: it needs the extra `book`."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "book"))
pytest.importorskip("sphinx")

from docutils import nodes

from bookkit import equations

pytestmark = pytest.mark.book


def book(**numbers: dict[str, int]) -> SimpleNamespace:
    """An environment whose pages have these labels, counted by Sphinx as told."""
    return SimpleNamespace(
        get_domain=lambda name: SimpleNamespace(
            equations={label: (page, 0) for page, found in numbers.items() for label in found}
        ),
        toc_fignumbers={
            page: {"displaymath": {f"equation-{label}": (n,) for label, n in found.items()}}
            for page, found in numbers.items()
        },
    )


def test_the_papers_equations_have_its_numbers_and_ours_are_counted_on() -> None:
    env = book(last={"eq-3": 3, "eq-late": 4}, first={"eq-7": 1, "eq-early": 2})
    equations.renumber(None, env)
    assert env.toc_fignumbers["first"]["displaymath"] == {
        "equation-eq-7": (7,),
        "equation-eq-early": (12,),
    }
    assert env.toc_fignumbers["last"]["displaymath"] == {
        "equation-eq-3": (3,),
        "equation-eq-late": (13,),
    }


def test_counting_twice_changes_nothing() -> None:
    env = book(page={"eq-7": 1, "eq-a": 2, "eq-b": 3})
    equations.renumber(None, env)
    once = str(env.toc_fignumbers)
    equations.renumber(None, env)
    assert str(env.toc_fignumbers) == once


@pytest.mark.parametrize(("builder", "tagged"), [("latex", True), ("html", False)])
@pytest.mark.parametrize(("label", "number"), [("eq-7", 7), ("eq-ours", 12)])
def test_latex_is_told_every_number(builder: str, tagged: bool, label: str, number: int) -> None:
    env = book(page={"eq-7": 1, "eq-ours": 2})
    equations.renumber(None, env)
    block = nodes.math_block("", "a = b", label=label, docname="page")
    tree = nodes.section("", block)
    app = SimpleNamespace(builder=SimpleNamespace(format=builder), env=env)
    equations.tag(app, tree, "page")
    assert (f"\\tag{{{number}}}" in block.astext()) is tagged
    assert (f"\\label{{equation:page:{label}}}" in block.astext()) is tagged


def test_every_equation_of_the_paper_is_labelled_once() -> None:
    chapters = (Path(__file__).parent.parent / "book" / "chapters").glob("*.md")
    lines = [line for page in chapters for line in page.read_text("utf-8").splitlines()]
    labels = [line.removeprefix(":label: ") for line in lines if line.startswith(":label: eq-")]
    assert sorted(label for label in labels if equations.LABEL.fullmatch(label)) == sorted(
        f"eq-{number}" for number in range(1, 12)
    )
