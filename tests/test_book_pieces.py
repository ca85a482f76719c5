"""What a reader can move in the book: quizzes, wipes, sliders. Marked `book`: it needs the extra `book`."""

import re
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "book"))
pytest.importorskip("sphinx")

from bookkit import card, quiz  # noqa: E402

pytestmark = pytest.mark.book


def test_a_quiz_is_read_as_signs_choices_and_answers() -> None:
    lines = ["- $0.7$ :: The smaller one.", "+ $0.8$ :: Half of", "  their sum."]
    assert quiz.choices(lines) == [
        ("-", "$0.7$", "The smaller one."),
        ("+", "$0.8$", "Half of their sum."),
    ]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["- a :: no.", "- b :: no."], "one choice of a quiz is right"),
        (["+ a :: yes.", "+ b :: yes."], "one choice of a quiz is right"),
        (["+ a: yes."], "a choice is"),
    ],
)
def test_a_quiz_that_cannot_be_answered_is_told(lines: list[str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        quiz.choices(lines)


def test_a_card_shows_its_head_and_folds_each_section_under_its_heading() -> None:
    text = "# Model card: x\n\nIt draws.\n\n## Data\n\nTen slides.\n\n### Scales\n\nAll.\n\n## Limits\n\nMany.\n"
    lines = card.folded(text)
    assert lines[:4] == ["**Model card: x**", "", "It draws.", ""]
    assert lines[4:7] == ["::::{admonition} Data", ":class: dropdown card", ""]
    assert "**Scales**" in lines
    assert lines[-5:] == ["::::{admonition} Limits", ":class: dropdown card", "", "Many.", "::::"]
    assert not [line for line in lines if line.startswith("#")]


def test_the_table_in_the_head_of_a_card_is_folded_before_its_sections() -> None:
    text = "# A\n\nIt draws.\n\n| | |\n|---|---|\n| network | a U-Net |\n\nSo far.\n\n## Data\n\nTen.\n"
    lines = card.folded(text)
    assert lines[:5] == ["**A**", "", "It draws.", "", "So far."]
    assert lines[6:8] == ["::::{admonition} Network and training", ":class: dropdown card"]
    assert lines[9:12] == ["| | |", "|---|---|", "| network | a U-Net |"]
    assert "::::{admonition} Data" in lines


def test_a_section_of_a_card_may_begin_with_code() -> None:
    lines = card.folded("# A\n\nIt draws.\n\n## Use\n\n    wsigen generate x.tiff --plan told\n")
    assert lines[-2:] == ["    wsigen generate x.tiff --plan told", "::::"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A page with each piece, built by the book's own machinery."""
    from sphinx.application import Sphinx

    folder = tmp_path_factory.mktemp("pieces")
    seams = "results/classroom/rivals"
    (folder / "index.md").write_text(
        "# A page\n\n"
        "```{quiz} What is *it*?\n- this :: Not it.\n+ that :: It is.\n```\n\n"
        f"```{{wipe}} {seams}/fixed_grid.jpg {seams}/grid-shift.jpg\n"
        ":alt: One place,\n:names: fixed | shifted\n\nTwo ways.\n```\n\n"
        "```{frames} results/classroom/relaxation\n"
        ":alt: One square,\n:label: r\n:pictures: guided_00 = 0 | guided_28 = 28\n:start: 28\n```\n\n"
        "```{frames} results/classroom/relaxation\n:alt: One square at\n:scale:\n"
        ":pictures: guided_28 = 2 µm per pixel | guide = no scale\n```\n",
        "utf-8",
    )
    (folder / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'book')!r})\n"
        "extensions = ['myst_nb', 'bookkit.quiz', 'bookkit.wipe', 'bookkit.frames']\n"
        # said here, since Sphinx 7.4 keeps what another build in this process said of suffixes
        "source_suffix = {'.md': 'myst-nb'}\n",
        "utf-8",
    )
    app = Sphinx(
        str(folder), str(folder), str(folder / "html"), str(folder / "trees"), "html", status=None
    )
    app.build()
    return (folder / "html" / "index.html").read_text("utf-8"), folder / "html"


def test_a_quiz_answers_without_a_script_one_choice_at_a_time(built: tuple[str, Path]) -> None:
    page, _ = built
    assert '<details class="choice wrong" name="quiz-0"><summary>this</summary>' in page
    assert '<details class="choice right" name="quiz-0"><summary>that</summary>' in page
    assert '<p class="told"><strong>Right.</strong> It is.</p>' in page


def test_a_wipe_brings_both_pictures_and_names_them(built: tuple[str, Path]) -> None:
    page, html = built
    assert 'alt="One place, fixed."' in page
    assert 'alt="One place, shifted."' in page
    assert 'aria-label="from fixed to shifted"' in page
    for name in ("fixed_grid", "grid-shift"):
        kept = html / "_static" / "slides" / f"results-classroom-rivals-{name}.jpg"
        assert kept.read_bytes() == (ROOT / "results/classroom/rivals" / f"{name}.jpg").read_bytes()


def test_on_paper_pictures_stand_in_a_row_with_their_names_below(built: tuple[str, Path]) -> None:
    from sphinx.application import Sphinx

    _, html = built
    folder = html.parent
    app = Sphinx(
        str(folder), str(folder), str(folder / "tex"), str(folder / "trees"), "latex", status=None
    )
    app.build()
    (paper,) = (folder / "tex").glob("*.tex")
    tex = paper.read_text("utf-8")
    picture = r"\\sphinxincludegraphics\S*"
    assert re.search(rf"{picture}fixed_grid\S* {picture}grid-shift", tex)
    assert "From left to right: fixed; shifted." in tex


def test_a_slider_over_named_pictures_brings_these_and_starts_where_it_is_told(
    built: tuple[str, Path],
) -> None:
    page, html = built
    brought = sorted(
        path.name for path in (html / "_static/slides/results-classroom-relaxation").iterdir()
    )
    assert brought == ["guide.jpg", "guided_00.jpg", "guided_28.jpg"]
    assert 'data-start="1"' in page


def test_a_bar_is_as_long_as_it_says_where_the_label_names_a_scale(built: tuple[str, Path]) -> None:
    page, _ = built
    bars = re.findall(r'<span class="bar" style="width: ([\d.]+)cqw"></span>([^<]+)</span>', page)
    with Image.open(ROOT / "results/classroom/relaxation/guided_28.jpg") as picture:
        width_um = 2 * picture.width
    (bar,) = bars
    length, unit = bar[1].split()
    um = float(length) * {"µm": 1, "mm": 1000}[unit]
    assert float(bar[0]) == pytest.approx(100 * um / width_um, abs=0.01)
    assert um <= width_um / 3
