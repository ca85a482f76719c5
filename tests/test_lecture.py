"""The deck of the lecture: figures of the chapters with their words, and nothing from elsewhere."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "book"))
pytest.importorskip("sphinx")

from bookkit import lecture  # noqa: E402
from wsigen.errors import WsigenError  # noqa: E402

pytestmark = pytest.mark.book
SOURCE = lecture.SOURCE.read_text("utf-8")


def test_every_figure_of_the_lecture_says_what_it_shows_as_the_chapters_do() -> None:
    slides, files = lecture.deck(SOURCE)
    shown = dict(re.findall(r'<img src="figures/([\w.]+)" alt="([^"]{20,})">', slides))
    assert len(files) >= 12
    assert list(shown) == files
    chapter = (lecture.CHAPTERS / "01_slides.md").read_text("utf-8")
    assert f":alt: {shown['one_slide.jpg']}\n" in chapter


def test_formulas_are_left_to_mathjax() -> None:
    slides, _ = lecture.deck("$$a_1 * b_2$$\n")
    assert slides == "<p>\\[a_1 * b_2\\]</p>\n"


def test_a_figure_that_no_chapter_has_is_named() -> None:
    with pytest.raises(WsigenError, match="no figure 'sunset' in the chapters"):
        lecture.deck("![](sunset)")


@pytest.mark.skipif(not lecture.REVEAL.is_dir(), reason="reveal.js is not installed: run npm ci")
def test_the_deck_lies_in_one_folder_and_asks_nobody_for_anything(tmp_path: Path) -> None:
    page = lecture.write(tmp_path / "deck").read_text("utf-8")
    links = re.findall(r'(?:src|href)(?:="| = ")([^"]+)"', page)
    assert len(links) > 15
    for link in links:
        assert not link.startswith(("http", "//", "/")), link
        assert (tmp_path / "deck" / link).is_file(), link
