"""Exercises: their numbers in the PDF, and the student edition, which is the book without their solutions.

Marked `book`: it builds that edition, as `make book-student` does, and lays it beside the book that `make book` built.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "book"))
bs4 = pytest.importorskip("bs4")
pytest.importorskip("jupyter_book")

from bookkit.exercises import without_solutions  # noqa: E402

pytestmark = pytest.mark.book
HTML = Path(os.environ.get("WSIGEN_BOOK_HTML") or ROOT / "_build" / "html")
PAGES = sorted(path.relative_to(HTML) for path in HTML.glob("book/**/*.html"))
CHAPTERS = sorted((ROOT / "book" / "chapters").glob("*.md"))
SAID = " Student edition, without solutions."


def soup(page: Path) -> Any:
    return bs4.BeautifulSoup(page.read_text("utf-8"), "html.parser")


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its pages, of the notebooks that the book at hand was built from."""
    folder = tmp_path_factory.mktemp("student")
    profile = (
        soup(next((HTML / "book" / "executed").glob("*.html")))
        .select_one(".profile-badge strong")
        .get_text()
    )
    own = {"WSIGEN_BOOK_STUDENT": "1", "WSIGEN_BOOK_PROFILE": profile, "PYTHONPATH": str(ROOT)}
    command = [str(Path(sys.executable).parent / "jupyter-book"), "build", ".", "-W", "-n"]
    done = subprocess.run(
        [*command, "--keep-going", "--path-output", str(folder)],
        cwd=ROOT, env={**os.environ, **own, "PYTHONUTF8": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "_build" / "html"


def test_it_has_every_page_and_all_of_it_but_the_solutions(student: Path) -> None:
    assert sorted(path.relative_to(student) for path in student.glob("book/**/*.html")) == PAGES
    solutions = 0
    for page in PAGES:
        whole, own = soup(HTML / page), soup(student / page)
        assert own.select_one(".profile-badge").get_text().strip().endswith(SAID.strip()), page
        assert not own.select(".solution"), page
        for left_out in whole.select("article .solution"):
            left_out.decompose()
            solutions += 1
        texts = [" ".join(side.select_one("article").get_text().split()) for side in (whole, own)]
        assert texts[0] == texts[1].replace(SAID, "", 1), page
        assert len(whole.select("article img")) == len(own.select("article img")), page
    assert solutions == sum(path.read_text("utf-8").count("{solution}") for path in CHAPTERS)


def test_no_file_of_it_tells_a_solution(student: Path) -> None:
    """Pages offer their sources to download, and the search has an index."""
    told = [
        line
        for chapter in CHAPTERS
        for block in re.findall(r"(?ms)^(`{3,}\{solution\}.*?)^`{4}$", chapter.read_text("utf-8"))
        for line in block.splitlines()
        if len(line) > 60 and "`" not in line
    ]
    assert len(told) > 50
    for source in student.glob("_sources/**/*.md"):
        text = source.read_text("utf-8")
        assert "{solution}" not in text, source
        assert not [line for line in told if line in text], source
    for chapter in CHAPTERS:
        exercises = re.findall(r":label: (ex-[\w-]+)", chapter.read_text("utf-8"))
        source = student / "_sources" / chapter.relative_to(ROOT)
        assert re.findall(r":label: (ex-[\w-]+)", source.read_text("utf-8")) == exercises


def test_solutions_are_cut_out_of_markdown_and_nothing_else() -> None:
    code = "```python\nx = 1\n```\n"
    page = f"A.\n\n````{{solution}} ex-1\n:class: dropdown\n\nYes.\n\n{code}````\n\n## B\n\n{code}"
    assert without_solutions(page) == f"A.\n\n## B\n\n{code}"


def test_an_exercise_of_another_page_has_its_number_in_the_pdf(tmp_path: Path) -> None:
    application = pytest.importorskip("sphinx.application")
    (tmp_path / "conf.py").write_text(
        "extensions, numfig = ['myst_parser', 'sphinx_exercise'], True\n"
        "def setup(app):\n    from bookkit import exercises\n    exercises.setup(app)\n"
    )
    (tmp_path / "index.md").write_text("# A\n\n```{toctree}\nfirst\nsecond\n```\n")
    exercises = [f"```{{exercise}} E{i}\n:label: ex-{i}\n\nWhy?\n```\n" for i in (1, 2)]
    (tmp_path / "first.md").write_text("# B\n\n" + "\n".join(exercises))
    (tmp_path / "second.md").write_text("# C\n\nSee {ref}`ex-2` and {numref}`ex-1`.\n")
    places = [str(tmp_path / name) for name in ("", "", "out", "trees")]
    application.Sphinx(*places, "latex", status=None, freshenv=True).build()
    (made,) = (tmp_path / "out").glob("*.tex")
    told = made.read_text("utf-8")
    assert r"\hyperref[exercise:ex-2]{Exercise 2} and \hyperref[exercise:ex-1]{Exercise 1}" in told
    assert r"\label{exercise:ex-2}" in told
