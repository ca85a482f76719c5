"""A whole study in a real browser: by mouse, by keyboard, on a tablet and on a phone; the viewer; crashes."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from axe_kit import audit
from playwright.sync_api import Browser, Page, expect
from server_kit import free_port, serving
from study_kit import browser, invite, opened, server, small_study, steps

from wsigen.errors import WsigenError
from wsigen.study.design import SLIDES
from wsigen.study.site import viewer_app

MOUSE = {"viewport": {"width": 1280, "height": 800}}
TABLET = {"viewport": {"width": 820, "height": 1180}, "has_touch": True}
PHONE = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}
SLIDER = "#slider"
SUBMIT = "#rating button.main"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_study(tmp_path_factory.mktemp("study"), n=1)


@pytest.fixture(scope="module")
def site(study: Path) -> Iterator[SimpleNamespace]:
    with server(study) as (address, _):
        yield SimpleNamespace(study=study, address=address)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@contextmanager
def reader_page(
    chromium: Browser, site: SimpleNamespace, name: str, options: dict
) -> Iterator[Page]:
    """The page of a new reader."""
    (link,) = invite(site.study, name)
    # A refused step and a server that is down are told on the console; scripts and policies must not be.
    forgiven = "^(Failed to load resource|Tile )"
    with opened(chromium, site.address, f"/r/{link}", forgiven, **options) as page:
        yield page


def begin(page: Page) -> None:
    begin = page.get_by_role("button", name="Begin")
    expect(begin).to_be_disabled()
    page.get_by_label("I have read this").check()
    begin.click()
    expect(page.locator("h1")).to_have_text("Practice slide 1 of 2")
    wait_for_tiles(page)


def wait_for_tiles(page: Page) -> None:
    page.wait_for_selector(".viewer[data-tiles-loaded]")


def zoom_in(page: Page) -> None:
    """Press the button, and wait until the view moves."""
    before = page.locator(".magnification").inner_text()
    page.locator(".zoom-in").click()
    expect(page.locator(".magnification")).not_to_have_text(before)


def submit(page: Page, then: str) -> None:
    # what comes of it is waited for here: a click that waits for navigations itself may wait for one that was lost
    page.locator(SUBMIT).click(no_wait_after=True)
    expect(page.locator("h1")).to_have_text(then)


def boxes(page: Page, selector: str) -> list[dict]:
    found = [
        element.bounding_box() for element in page.locator(selector).all() if element.is_visible()
    ]
    return [box for box in found if box]


def test_by_mouse_from_the_invitation_to_the_end(site: SimpleNamespace, chromium: Browser) -> None:
    began = time.monotonic()
    with reader_page(chromium, site, "mouse", MOUSE) as page:
        begin(page)
        slider = page.locator(SLIDER)
        headings = ["Practice slide 2 of 2", "Slide 1 of 2", "Slide 2 of 2", "Thank you"]
        for place, heading in zip((0.5, 0.1, 0.9, 0.25), headings, strict=True):
            wait_for_tiles(page)
            expect(page.locator(SUBMIT)).to_be_disabled()
            expect(page.locator("output")).to_have_text("not rated yet")
            expect(slider).to_have_attribute("aria-valuetext", "not rated yet")
            expect(page.locator("#rating")).to_have_class("unset")  # study.css hides the thumb
            box = slider.bounding_box()
            assert box is not None
            zoom_in(page)
            page.mouse.click(box["x"] + place * box["width"], box["y"] + box["height"] / 2)
            expect(page.locator(SUBMIT)).to_be_enabled()
            expect(page.locator(".status")).to_have_text("Saved")
            submit(page, heading)
    rows = steps(site.study, "mouse")
    assert [row["kind"] for row in rows] == ["consent", *["change", "submit"] * 4]
    ratings = [row["rating"] for row in rows if row["kind"] == "submit"]
    assert ratings[0] == 50  # a click right in the middle counts
    assert ratings[1:] == pytest.approx([10, 90, 25], abs=3)
    passed_ms = 1000 * (time.monotonic() - began)
    for row in rows[1:]:
        assert row["mpp_min"] < row["mpp_max"]  # zoomed in once
        assert 0 < row["dwell_ms"] < passed_ms
        assert 0 <= row["centre_x"] <= 1
        assert 0 <= row["centre_y"] <= 1


def test_by_keyboard_alone(site: SimpleNamespace, chromium: Browser) -> None:
    with reader_page(chromium, site, "keyboard", MOUSE) as page:

        def tab_to(selector: str) -> None:
            for _ in range(15):
                page.keyboard.press("Tab")
                if page.locator(selector).evaluate("e => e === document.activeElement"):
                    return
            raise AssertionError(f"the Tab key never reaches {selector}")

        tab_to("#agree")
        page.keyboard.press("Space")
        tab_to("button.main")
        page.keyboard.press("Enter")
        for heading in (
            "Practice slide 1 of 2",
            "Practice slide 2 of 2",
            "Slide 1 of 2",
            "Slide 2 of 2",
        ):
            expect(page.locator("h1")).to_have_text(heading)
            wait_for_tiles(page)
            tab_to("#help")
            page.keyboard.press("Enter")
            expect(page.get_by_role("dialog")).to_be_visible()
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_be_hidden()
            tab_to(".openseadragon-canvas[aria-label]")
            assert (
                page.locator(".viewer").evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
            )
            before = page.locator(".magnification").inner_text()
            page.keyboard.press("+")
            page.keyboard.press("ArrowRight")
            expect(page.locator(".magnification")).not_to_have_text(before)
            tab_to(".zoom-out")
            page.keyboard.press("Enter")
            tab_to(SLIDER)
            for key in ("End", "PageDown", "ArrowLeft"):
                page.keyboard.press(key)
            expect(page.locator("output")).to_have_text("89")
            tab_to(SUBMIT)
            page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Thank you")
    rows = steps(site.study, "keyboard")
    assert [row["rating"] for row in rows if row["kind"] == "submit"] == [89] * 4


@pytest.mark.parametrize(("name", "options"), [("tablet", TABLET), ("phone", PHONE)])
def test_by_touch_with_targets_of_44_px_and_nothing_cut_off(
    site: SimpleNamespace, chromium: Browser, name: str, options: dict
) -> None:
    size = options["viewport"]

    def fits(page: Page) -> None:
        width, height = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
        )
        assert width <= size["width"]
        if page.locator(SLIDER).count():
            assert height <= size["height"]
            (picture,) = boxes(page, ".viewer")
            assert picture["height"] > 0.4 * size["height"]
        for box in boxes(page, "button, input[type=range], label.check"):
            assert min(box["width"], box["height"]) >= 44, box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= size["width"]
        small = page.evaluate(
            "[...document.querySelectorAll('body *')].filter(e => e.innerText?.trim() && !e.children.length)"
            ".map(e => parseFloat(getComputedStyle(e).fontSize)).filter(size => size < 14)"
        )
        assert not small

    with reader_page(chromium, site, name, options) as page:
        fits(page)
        page.get_by_label("I have read this").tap()
        page.get_by_role("button", name="Begin").tap()
        for heading in (
            "Practice slide 1 of 2",
            "Practice slide 2 of 2",
            "Slide 1 of 2",
            "Slide 2 of 2",
        ):
            expect(page.locator("h1")).to_have_text(heading)
            wait_for_tiles(page)
            fits(page)
            page.locator(".zoom-in").tap()
            (box,) = boxes(page, SLIDER)
            page.touchscreen.tap(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
            expect(page.locator(SUBMIT)).to_be_enabled()
            fits(page)
            page.locator(SUBMIT).tap()
        expect(page.locator("h1")).to_have_text("Thank you")
    ratings = [row["rating"] for row in steps(site.study, name) if row["kind"] == "submit"]
    assert ratings == pytest.approx([80] * 4, abs=6)  # the thumb is broad


CONTRAST = """
() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.9) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")].filter((e) => e.checkVisibility() && !e.closest(".picture")
      && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
    .map((e) => {
      const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
      return [e.textContent.trim().slice(0, 40), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
    });
}
"""


def test_text_has_the_contrast_of_wcag_aa_and_controls_have_names(
    site: SimpleNamespace, chromium: Browser
) -> None:
    with reader_page(chromium, site, "contrast", TABLET) as page:
        for step in ("consent", "slide", "rated"):
            if step == "slide":
                begin(page)
            if step == "rated":
                page.locator(SLIDER).press("End")
                page.locator("#help").click()
            found = page.evaluate(CONTRAST)
            assert len(found) > 5
            assert not [pair for pair in found if pair[1] < 4.5]
        page.keyboard.press("Escape")
        assert page.locator("html").get_attribute("lang") == "en"
        for button in page.get_by_role("button").all():
            assert button.get_attribute("aria-label") or button.inner_text().strip()
        expect(page.get_by_role("slider", name="Real or synthetic?")).to_be_visible()
        described = page.locator(SLIDER).get_attribute("aria-describedby") or ""
        assert [page.locator(f"#{name}").inner_text() for name in described.split()] == [
            "0 I believe the slide is real",
            "100 I believe the slide is synthetic",
        ]


def test_a_known_auditor_finds_nothing_against_wcag_aa(
    site: SimpleNamespace, chromium: Browser
) -> None:
    for name, options in (("audit", MOUSE), ("audit phone", PHONE)):
        with reader_page(chromium, site, name, options) as page:
            assert audit(page) == []
            begin(page)
            assert audit(page) == []
            page.locator("#help").click()
            assert audit(page) == []
            page.keyboard.press("Escape")
            for heading in ("Practice slide 2 of 2", "Slide 1 of 2", "Slide 2 of 2", "Thank you"):
                page.locator(SLIDER).press("End")
                submit(page, heading)
            assert audit(page) == []


def test_the_scale_bar_and_the_magnification_are_true(
    site: SimpleNamespace, chromium: Browser
) -> None:
    still = MOUSE | {"reduced_motion": "reduce"}  # the view is there at once
    with reader_page(chromium, site, "scale", still) as page:
        begin(page)
        zoom_in(page)
        mpp = float(page.locator(".viewer").get_attribute("data-mpp") or 0)
        width = int(page.locator(".viewer").get_attribute("data-width") or 0)
        number, unit = page.locator(".length").inner_text().split()
        micrometres = float(number) * {"µm": 1, "mm": 1000}[unit]
        (bar,) = boxes(page, ".bar")
        page.locator(SLIDER).press("End")
        expect(page.locator(".status")).to_have_text("Saved")
    row = steps(site.study, "scale")[-1]
    assert micrometres / bar["width"] == pytest.approx(row["mpp_min"], rel=0.01)
    # At home the slide's height filled the viewer, 634 px at this size.
    assert row["mpp_max"] == pytest.approx(mpp * width / 634, rel=0.05)


def test_reload_and_another_device_go_on_at_the_same_slide(
    site: SimpleNamespace, chromium: Browser
) -> None:
    with reader_page(chromium, site, "moves", MOUSE) as page:
        begin(page)
        page.locator(SLIDER).press("Home")
        submit(page, "Practice slide 2 of 2")
        page.locator(SLIDER).press("End")
        expect(page.locator(".status")).to_have_text("Saved")
        page.reload()
        expect(page.locator("h1")).to_have_text("Practice slide 2 of 2")
        expect(page.locator("output")).to_have_text("100")
        tablet = chromium.new_context(**TABLET).new_page()
        tablet.goto(page.url)
        expect(tablet.locator("output")).to_have_text("100")
        submit(tablet, "Slide 1 of 2")
        tablet.context.close()
        # The first device lags behind: it is shown where things stand, and nothing is rated twice.
        page.locator(SLIDER).press("Home")
        expect(page.locator("h1")).to_have_text("Slide 1 of 2")
    rows = steps(site.study, "moves")
    assert [row["rating"] for row in rows if row["kind"] == "submit"] == [0, 100]


def test_a_crash_of_the_server_loses_no_rating_and_the_page_goes_on_by_itself(
    study: Path, chromium: Browser
) -> None:
    port = free_port()
    with server(study, port=port) as (address, process):
        here = SimpleNamespace(study=study, address=address)
        with reader_page(chromium, here, "crash", MOUSE) as page:
            begin(page)
            page.locator(SLIDER).press("End")
            expect(page.locator(".status")).to_have_text("Saved")
            process.kill()
            process.wait()
            page.locator(SLIDER).press("Home")
            page.locator(SUBMIT).click()
            expect(page.locator(".status")).to_contain_text("Not saved yet")
            with server(study, port=port):
                expect(page.locator("h1")).to_have_text("Practice slide 2 of 2")
    assert [row["rating"] for row in steps(study, "crash")[1:]] == [100, 0, 0]


# It reaches the server, but the page never hears. Not by a route of the browser's: a form that is sent after one has
# been there may wait for ever.
LOSE_FIRST_ANSWER = """() => {
  const asked = window.fetch;
  window.fetch = async (...words) => {
    window.fetch = asked;
    await asked(...words);
    throw new TypeError("lost");
  };
}"""


def test_an_answer_that_gets_lost_is_not_counted_twice(
    site: SimpleNamespace, chromium: Browser
) -> None:
    with reader_page(chromium, site, "lossy", MOUSE) as page:
        begin(page)
        page.evaluate(LOSE_FIRST_ANSWER)
        page.locator(SLIDER).press("End")
        expect(page.locator("#rating")).to_have_attribute("data-serial", "3")  # it has reloaded
        expect(page.locator("output")).to_have_text("100")
        wait_for_tiles(page)
        submit(page, "Practice slide 2 of 2")
    assert [row["kind"] for row in steps(site.study, "lossy")] == ["consent", "change", "submit"]


def test_view_shows_two_slides_side_by_side(study: Path, chromium: Browser) -> None:
    paths = sorted((study / SLIDES).iterdir())[:2]
    with (
        serving("view", *paths, "--no-browser") as (address, _),
        opened(chromium, address, "", "^$", **MOUSE) as page,
    ):
        expect(page.locator(".viewer")).to_have_count(2)
        for viewer in page.locator(".viewer").all():
            expect(viewer.locator(".scale")).to_be_visible()
            expect(viewer).to_have_attribute("data-tiles-loaded", re.compile(r"\d"))
        left, right = boxes(page, ".viewer")
        assert left["y"] == right["y"]
        assert left["width"] == pytest.approx(right["width"], abs=3)
        assert right["x"] >= left["x"] + left["width"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        assert page.locator("figcaption").all_inner_texts() == [path.name for path in paths]


def test_the_missing_viewer_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("wsigen.study.site.HERE", tmp_path)
    with pytest.raises(WsigenError, match="make viewer"):
        viewer_app("any")
