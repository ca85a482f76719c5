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


def test_an_equation_of_the_paper_has_the_papers_number_on_any_page() -> None:
    labels = {"eq-7": ("chapters/a", 1), "eq-ours": ("chapters/a", 2)}
    env = SimpleNamespace(
        get_domain=lambda name: SimpleNamespace(equations=labels),
        toc_fignumbers={
            "chapters/a": {"displaymath": {"equation-eq-7": (1,), "equation-eq-ours": (2,)}}
        },
    )
    equations.renumber(None, env)
    assert env.toc_fignumbers["chapters/a"]["displaymath"] == {
        "equation-eq-7": (7,),
        "equation-eq-ours": (2,),
    }


@pytest.mark.parametrize(("builder", "tagged"), [("latex", True), ("html", False)])
def test_latex_is_told_the_papers_number(builder: str, tagged: bool) -> None:
    block = nodes.math_block("", "a = b", label="eq-7", docname="chapters/a")
    tree = nodes.section("", block)
    equations.tag(SimpleNamespace(builder=SimpleNamespace(format=builder)), tree, "chapters/a")
    assert ("\\tag{7}" in block.astext()) is tagged
    assert ("\\label{equation:chapters/a:eq-7}" in block.astext()) is tagged


def test_every_equation_of_the_paper_is_labelled_once() -> None:
    chapters = (Path(__file__).parent.parent / "book" / "chapters").glob("*.md")
    lines = [line for page in chapters for line in page.read_text("utf-8").splitlines()]
    labels = [line.removeprefix(":label: ") for line in lines if line.startswith(":label: eq-")]
    assert sorted(label for label in labels if equations.LABEL.fullmatch(label)) == sorted(
        f"eq-{number}" for number in range(1, 12)
    )
