"""The built book: complete, offline, linked, readable on a phone, and the same when made again.

Marked `book`: it reads what `make book` built (or the folder of WSIGEN_BOOK_HTML). `make book-test` runs it.
"""

import json
import math
import os
import re
import shutil
import sys
import urllib.parse
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "book"))
bs4 = pytest.importorskip("bs4")
pytest.importorskip("jupytext")
from axe_kit import audit  # noqa: E402

from bookkit import notebooks  # noqa: E402
from bookkit.places import EXECUTED  # noqa: E402

pytestmark = pytest.mark.book
HTML = Path(os.environ.get("WSIGEN_BOOK_HTML") or ROOT / "_build" / "html")
PAGES = sorted(HTML.glob("book/**/*.html"))
SOURCES = sorted((ROOT / "notebooks").glob("*.py"))
SECONDS = 35  # of processor time, meant for one notebook at smoke
SLOW = 3  # how much slower than the machine it was meant on another one may be
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1400, "height": 1000}
PATIENCE = 120_000  # milliseconds, for a machine that is busy
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def name_of(path: Path) -> str:
    return path.relative_to(HTML).with_suffix("").as_posix()


@cache
def soup(path: Path) -> Any:
    return bs4.BeautifulSoup(path.read_text("utf-8"), "html.parser")


def page_of(source: Path) -> Path:
    return HTML / "book" / "executed" / f"{source.stem}.html"


def test_there_is_a_book() -> None:
    assert len(PAGES) > 10, f"no book in {HTML}: run `make book` first"
    built = {name_of(path) for path in PAGES}
    assert {f"book/executed/{source.stem}" for source in SOURCES} <= built


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_notebook_lacks_its_outputs(source: Path) -> None:
    cells = json.loads((EXECUTED / f"{source.stem}.ipynb").read_text("utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code if "".join(cell["source"]).strip())
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert "image/png" in kinds, "a notebook shows at least one figure"
    errors = [o for o in outputs if o.get("name") == "stderr" and "rror" in "".join(o["text"])]
    assert not errors
    told = [  # a picture may hold such letters by chance
        {**o, "data": {k: v for k, v in o.get("data", {}).items() if not k.startswith("image/")}}
        for o in outputs
    ]
    assert not re.search(r"0x[0-9a-f]{8,}", json.dumps(told)), "an address differs from run to run"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_figure_of_a_notebook_tells_what_is_seen(source: Path) -> None:
    cells = json.loads((EXECUTED / f"{source.stem}.ipynb").read_text("utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    figures = [output for output in outputs if "image/png" in output.get("data", {})]
    told = [output["metadata"].get("image/png", {}).get("alt", "") for output in figures]
    assert all(len(alt.split()) > 7 and alt.endswith(".") for alt in told), told
    assert len(set(told)) == len(told), "two figures in the same words"
    assert not [alt for alt in told if re.match(r"(?i)(figure|picture|image|plot)\b", alt)]
    shown = [image.get("alt") for image in soup(page_of(source)).select("article img")]
    assert set(told) <= set(shown), "the page lost an alt text"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_keeps_its_time(source: Path) -> None:
    note = json.loads((EXECUTED / f"{source.stem}.run.json").read_text("utf-8"))
    if note["parameters"]["profile"] == "smoke":
        assert note["cpu_seconds"] < SLOW * SECONDS


def test_all_notebooks_together_keep_their_time() -> None:
    notes = [json.loads((EXECUTED / f"{s.stem}.run.json").read_text("utf-8")) for s in SOURCES]
    if {note["parameters"]["profile"] for note in notes} == {"smoke"}:
        assert sum(note["cpu_seconds"] for note in notes) < 2 * 600  # ten minutes on two cores


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_notebook_says_its_profile_and_what_made_it_and_no_other_page_does(page: Path) -> None:
    notebook = page.parent.name == "executed"
    assert len(soup(page).select(".profile-badge")) == notebook
    if notebook:
        assert "seconds" in soup(page).select_one("#how-this-page-was-made").get_text()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_loads_anything_from_the_network(page: Path) -> None:
    loaded = [
        (tag, kind)
        for kind in ("src", "srcset", "data", "poster")
        for tag in soup(page).select(f"[{kind}]")
    ]
    loaded += [
        (tag, "href")
        for tag in soup(page).select("link[rel~=stylesheet], link[rel~=preload], link[rel~=icon]")
    ]
    far = [tag[kind] for tag, kind in loaded if re.match(r"(?i)\s*(https?:)?//", tag[kind])]
    far += re.findall(
        r"(?i)@import[^;]+//[^;]+|url\(['\"]?(?:https?:)?//[^)]+", page.read_text("utf-8")
    )
    assert far == []


def test_no_style_loads_anything_from_the_network() -> None:
    for style in HTML.rglob("*.css"):
        far = re.findall(
            r"(?i)(?:@import\s+|url\()['\"]?(?:https?:)?//[^)'\"]+", style.read_text("utf-8")
        )
        assert far == [], style


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_all_internal_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in soup(page).select("a[href]"):
        address = urllib.parse.urlsplit(link["href"])
        if address.scheme or address.netloc or link["href"] == "#":
            continue
        target = (
            (page.parent / urllib.parse.unquote(address.path)).resolve() if address.path else page
        )
        if not target.is_file():
            broken.append(link["href"])
        elif address.fragment and target.suffix == ".html":
            ids = {tag.get("id") or tag.get("name") for tag in soup(target).select("[id], a[name]")}
            if urllib.parse.unquote(address.fragment) not in ids:
                broken.append(link["href"])
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_picture_is_there_and_described(page: Path) -> None:
    for image in soup(page).select("article img, main img"):
        assert (page.parent / urllib.parse.unquote(image["src"])).is_file(), image["src"]
        assert len(image.get("alt", "")) > 3, image["src"]
        assert not image["alt"].endswith(".png"), "a file name is no description"


# In the browser ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if chromium is None:
        pytest.skip("no Chromium: install Debian's package chromium")
    with playwright.sync_playwright() as session:
        started = session.chromium.launch(executable_path=chromium, args=FLAGS, timeout=PATIENCE)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Any]:
    """Open a page from its file, without a network; fails at the end where one was asked for, or a script broke."""
    context = browser.new_context(viewport=DESK, offline=True)
    context.set_default_timeout(PATIENCE)
    asked: list[str] = []
    broken: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: broken.append(str(error)))

    def go(path: Path, viewport: dict[str, int] = DESK) -> Any:
        page.set_viewport_size(viewport)
        page.goto(path.as_uri())
        return page

    yield go
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_is_whole_without_a_network_and_fits_a_phone(page: Path, open_page: Any) -> None:
    opened = open_page(page, PHONE)
    if soup(page).select(".math"):
        opened.wait_for_selector("mjx-container")
        assert opened.locator("mjx-merror, [data-mjx-error]").count() == 0
    too_wide = opened.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert too_wide <= 1
    # Solutions open: what stands in a line and cannot break would be cut off there, not scrolled.
    cut = opened.evaluate(
        """() => {
          document.querySelectorAll('.toggle-hidden').forEach(box => box.classList.remove('toggle-hidden'));
          const scrolls = e => e && (/auto|scroll/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
          return [...document.querySelectorAll('article :is(span.math mjx-container, code, img)')]
            .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !scrolls(e))
            .map(e => e.textContent.trim() || e.src); }"""
    )
    assert cut == []


def test_a_slide_can_be_zoomed_and_its_scale_is_told(open_page: Any) -> None:
    page = open_page(HTML / "book" / "executed" / "first_slide.html")
    box = page.locator(".slide-viewer").first
    box.scroll_into_view_if_needed()
    page.wait_for_function(
        "Number(document.querySelector('.slide-viewer').dataset.tilesLoaded) > 0"
    )
    length = box.locator(".length")
    length.wait_for()
    before = float(box.locator(".magnification").inner_text().rstrip("×"))
    assert re.fullmatch(r"\d+(\.\d+)? (µm|mm)", length.inner_text())
    for _ in range(3):
        box.locator(".zoom-in").click()
    page.wait_for_function(
        "before => parseFloat(document.querySelector('.slide-viewer .magnification').textContent) > 2 * before",
        arg=before,
    )


def test_a_slider_moves_by_keyboard_and_says_where_it_is(open_page: Any) -> None:
    page = open_page(HTML / "book" / "executed" / "first_slide.html")
    box = page.locator(".frames.slider").first
    slider = box.locator("input[type=range]")
    assert box.locator("figure:visible").count() == 1
    first = box.locator("output").inner_text()
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert box.locator("output").inner_text() != first
    assert slider.get_attribute("aria-valuetext") == box.locator("output").inner_text()
    assert box.locator("figure:visible").count() == 1
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.value === document.activeElement.max")


def test_a_wipe_moves_by_keyboard_and_by_pointer(open_page: Any) -> None:
    page = open_page(HTML / "book" / "chapters" / "07_grid_shift.html")
    box = page.locator(".wipe").first
    box.scroll_into_view_if_needed()
    slider, layers = box.locator("input[type=range]"), box.locator(".layers")
    line = "box => getComputedStyle(box).getPropertyValue('--line')"
    assert layers.evaluate(line) == "50%"
    slider.focus()
    page.keyboard.press("Home")
    assert layers.evaluate(line) == "0%"
    place = layers.bounding_box()
    page.mouse.click(place["x"] + 0.75 * place["width"], place["y"] + 10)
    assert abs(float(layers.evaluate(line).rstrip("%")) - 75) <= 1
    assert layers.locator("img").count() == 2


def test_a_quiz_answers_at_once_one_choice_at_a_time(open_page: Any) -> None:
    page = open_page(HTML / "book" / "chapters" / "07_grid_shift.html")
    quiz = page.locator(".quiz").first
    choices = quiz.locator("details.choice")
    assert quiz.locator(".told:visible").count() == 0
    choices.nth(0).locator("summary").focus()
    page.keyboard.press("Enter")
    assert quiz.locator(".told:visible").inner_text().startswith("No.")
    quiz.locator("details.right summary").click()
    assert quiz.locator(".told:visible").count() == 1
    assert quiz.locator(".told:visible").inner_text().startswith("Right.")


AUDITED = ["intro", "claims", "paper_map", "provenance", "glossary", "chapters/05_solvers", "chapters/07_grid_shift",
           "chapters/04_training",
           "executed/first_slide", "executed/whole_slide", "executed/reader_study", "api/method"]  # fmt: skip


@pytest.mark.parametrize("name", AUDITED)
def test_a_known_auditor_finds_nothing_against_wcag_aa(name: str, browser: Any) -> None:
    page = HTML / "book" / f"{name}.html"
    for scheme, size in (("light", DESK), ("dark", PHONE)):
        context = browser.new_context(viewport=size, color_scheme=scheme, offline=True)
        context.set_default_timeout(PATIENCE)
        opened = context.new_page()
        opened.goto(page.as_uri())
        if soup(page).select(".math"):
            opened.wait_for_selector("mjx-container")
        # As it is when it stands: a box that still fades in has too little contrast for a moment.
        opened.add_style_tag(
            content="* { animation: none !important; transition: none !important }"
        )
        opened.evaluate("document.querySelectorAll('details').forEach(box => box.open = true)")
        assert audit(opened) == [], scheme
        context.close()


def test_there_is_one_field_to_search_in(open_page: Any) -> None:
    page = open_page(HTML / "book" / "intro.html")
    assert page.locator(".search-button-field:visible, .search-button:visible").count() == 1


# Again ---------------------------------------------------------------------------------------------------------------


def content(path: Path) -> Any:
    """A file's bytes; of a result that an experiment saved, its table without times, memory and what ran it."""
    if path.suffix != ".json" or path.parent.name != "smoke":
        return path.read_bytes()
    table = json.loads(path.read_text("utf-8"))
    rows = [
        {k: v for k, v in row.items() if "second" not in k and k != "peak_mib"}
        for row in table["rows"]
    ]
    return {**table, "rows": rows, "info": None}


def alike(one: Any, other: Any) -> bool:
    """Equal but for rounding: features of one patch differ in the last bit with the batch they are computed in."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-5)
    if isinstance(one, dict) and isinstance(other, dict):
        return set(one) == set(other) and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)


def test_only_the_times_of_a_result_and_its_rounding_may_differ(tmp_path: Path) -> None:
    path = tmp_path / "smoke" / "x.json"
    path.parent.mkdir()
    seen = []
    rows = (
        {"kid": [0.1], "cpu_seconds": 1.0},
        {"kid": [0.1000001], "cpu_seconds": 2.0},
        {"kid": [0.101]},
        {"kid": [0.1], "recall": 0.0},
    )
    for row in rows:
        path.write_text(json.dumps({"rows": [row], "info": [{"started": str(row)}]}))
        seen.append(content(path))
    assert [alike(seen[0], other) for other in seen] == [True, True, False, False]


def test_two_runs_give_identical_notebooks_and_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All notebooks once more, over the first run; what has a time in it lies in the note beside."""
    import matplotlib

    monkeypatch.setenv("MPLCONFIGDIR", matplotlib.get_cachedir())
    monkeypatch.setenv(
        "XDG_CACHE_HOME", str(tmp_path)
    )  # what was computed before is not known there

    def made() -> dict[str, Any]:
        files = [path for path in EXECUTED.rglob("*") if path.is_file() and path.name[0] != "."]
        return {
            path.relative_to(EXECUTED).as_posix(): content(path)
            for path in files
            if not path.name.endswith((".run.json", ".tiff"))  # a slide names its run
        }

    notes = [
        json.loads((EXECUTED / f"{source.stem}.run.json").read_text("utf-8")) for source in SOURCES
    ]
    if {note["parameters"]["profile"] for note in notes} != {"smoke"}:
        pytest.skip("only a smoke build is made twice")
    # The slides the book was built from, whatever WSIGEN_COHORT says by now.
    (cohort,) = {note["parameters"].get("cohort") for note in notes} - {None}
    if cohort not in ("phantom", "sample"):
        real = Path(os.environ.get("WSIGEN_COHORT") or "")
        if real.name != cohort:
            pytest.skip(f"the book was built from {cohort}, which WSIGEN_COHORT does not name")
        cohort = str(real)
    first = made()
    for source in SOURCES:
        (EXECUTED / f"{source.stem}.run.json").unlink()
    assert notebooks.main(["--profile", "smoke", "--cohort", cohort]) == 0
    second = made()
    assert set(first) == set(second)
    assert [name for name in first if not alike(first[name], second[name])] == []
