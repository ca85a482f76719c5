"""The live microscope in a real browser: it gets sharp, moves by mouse, keyboard and touch, and keeps its place."""

import io
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from axe_kit import audit
from explore_kit import SLIDE, Looking, microscope, tiny_model
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from study_kit import browser, opened

from wsigen.slides import open_slide
from wsigen.slides.pyramid import read_description

MOUSE = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    model = tiny_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")
    with microscope(model, "--seed", "7", *SLIDE) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@contextmanager
def looking(chromium: Browser, address: str, place: str = "", **options) -> Iterator[Page]:
    """A page that has been opened."""
    # OpenSeadragon tells of each tile that was dropped because its view was left.
    with opened(chromium, address, place, " left$", **(options or MOUSE)) as page:
        yield page


def sharp(page: Page) -> None:
    """Wait until the view rests and all that is in it is drawn."""
    # In one of two frames the viewer has taken note of a click or a key.
    page.evaluate("new Promise(then => requestAnimationFrame(() => requestAnimationFrame(then)))")
    page.wait_for_selector(".explore[data-state=sharp]")


def colours(page: Page) -> int:
    """How many colours the picture in the viewer has."""
    return page.evaluate(
        """() => {
          const canvas = document.querySelector(".picture canvas");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const seen = new Set();
          for (let i = 0; i < data.length; i += 400) seen.add(data[i] * 65536 + data[i + 1] * 256 + data[i + 2]);
          return seen.size;
        }"""
    )


def thumbnail(page: Page) -> np.ndarray:
    """The picture in view, small, once it no longer changes: the viewer draws a moment after its tiles are there."""
    shot = b""
    while (newer := page.locator(".picture").screenshot()) != shot:
        shot = newer
        page.wait_for_timeout(200)
    small = Image.open(io.BytesIO(shot)).convert("RGB").resize((128, 66))
    return np.asarray(small, dtype=float)


def place(page: Page) -> dict[str, float]:
    """What the address names."""
    return {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", page.url)}


def test_the_overview_comes_first_and_gets_sharp(address: str, chromium: Browser) -> None:
    asked: list[str] = []
    with looking(chromium, address) as page:
        page.on("request", lambda r: asked.append(r.url) if "/tiles/" in r.url else None)
        sharp(page)
        assert colours(page) > 1000
        expect(page.locator("#state")).to_have_text("Sharp")
        expect(page.locator("#progress")).to_be_hidden()
        expect(page.locator("#spent")).to_contain_text("evaluations of the network")
        expect(page.locator("#spent")).to_contain_text("of the whole slide")
        expect(page.locator(".badge")).to_have_text("SYNTHETIC · seed 7")
        expect(page.locator(".magnification")).to_be_visible()
        assert page.locator(".length").inner_text().endswith(("µm", "mm"))
    stages = [int(url.split("/")[-2]) for url in asked]
    assert stages == sorted(stages)  # coarse to fine


def test_a_link_shows_the_same_place_to_somebody_else(address: str, chromium: Browser) -> None:
    with looking(chromium, address) as page:
        sharp(page)
        for _ in range(3):
            page.locator(".zoom-in").click()
        picture = page.locator(".picture").bounding_box()
        assert picture is not None
        page.mouse.move(picture["x"] + 600, picture["y"] + 300)
        page.mouse.down()
        page.mouse.move(picture["x"] + 480, picture["y"] + 260, steps=4)
        page.mouse.up()
        sharp(page)
        there, url = place(page), page.url
        mine = thumbnail(page)
    assert there["seed"] == 7
    assert there["um"] < 3
    with looking(chromium, address, url.removeprefix(address)) as page:
        sharp(page)
        assert place(page) == pytest.approx(there, rel=0.01)
        theirs = thumbnail(page)
        page.locator(".whole").click()
        sharp(page)
        other = thumbnail(page)
    assert np.abs(mine - theirs).mean() < 0.3 * np.abs(mine - other).mean()


def test_by_keyboard_alone(address: str, chromium: Browser) -> None:
    with looking(chromium, address) as page:
        sharp(page)

        def tab_to(selector: str) -> None:
            for _ in range(15):
                page.keyboard.press("Tab")
                if page.locator(selector).evaluate("e => e === document.activeElement"):
                    return
            raise AssertionError(f"the Tab key never reaches {selector}")

        tab_to("#help")
        page.keyboard.press("Enter")
        expect(page.locator("#about")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#about")).to_be_hidden()
        tab_to(".openseadragon-canvas[aria-label]")
        before = page.locator(".magnification").inner_text()
        page.keyboard.press("+")
        page.keyboard.press("ArrowRight")
        expect(page.locator(".magnification")).not_to_have_text(before)
        sharp(page)
        tab_to("#another")
        page.keyboard.press("Enter")
        expect(page.locator(".badge")).not_to_have_text("SYNTHETIC · seed 7")
        sharp(page)


def test_another_slide_is_another_and_back_is_the_first(address: str, chromium: Browser) -> None:
    with looking(chromium, address) as page:
        sharp(page)
        first = page.locator(".picture").screenshot()
        page.locator("#another").click()
        expect(page.locator(".badge")).not_to_have_text("SYNTHETIC · seed 7")
        sharp(page)
        other = place(page)["seed"]
        assert other != 7
        assert page.locator(".picture").screenshot() != first
        page.go_back()
        expect(page.locator(".badge")).to_have_text("SYNTHETIC · seed 7")
        sharp(page)
        assert place(page).get("seed", 7) == 7


def test_what_is_in_view_is_saved_as_a_slide(
    address: str, chromium: Browser, tmp_path: Path
) -> None:
    with looking(chromium, address, "?seed=7&x=300&y=200&um=1.4") as page:
        sharp(page)
        with page.expect_download() as started:
            page.locator("#region").click()
        file = tmp_path / started.value.suggested_filename
        started.value.save_as(file)
        expect(page.locator("#state")).to_contain_text("Saved synthetic_seed7_1.4um_")
    about = read_description(file)
    assert about is not None
    assert about["SYNTHETIC"] is True
    with open_slide(file) as slide:
        assert slide.mpp == pytest.approx(1.4)
        assert (slide.height, slide.width) == (400, 600)  # all of it was in view


def test_the_command_for_the_whole_slide_names_the_slide_in_view(
    address: str, chromium: Browser
) -> None:
    with looking(chromium, address, "?seed=12") as page:
        page.locator("#whole").click()
        expect(page.locator("#command")).to_contain_text("generate slide_12.tiff --seed 12 ")
        expect(page.locator("#whole-slide")).to_contain_text("--workdir FOLDER")


def test_by_touch_with_targets_of_44_px_and_nothing_cut_off(
    address: str, chromium: Browser
) -> None:
    size = PHONE["viewport"]
    with looking(chromium, address, **PHONE) as page:
        sharp(page)
        width, height = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
        )
        assert width <= size["width"]
        assert height <= size["height"]
        for button in page.locator("button").all():
            if button.is_visible():
                box = button.bounding_box()
                assert box is not None
                assert min(box["width"], box["height"]) >= 44, box
                assert box["x"] >= 0
                assert box["x"] + box["width"] <= size["width"]
        picture = page.locator(".viewer").bounding_box()
        assert picture is not None
        assert picture["height"] > 0.35 * size["height"]
        scale, badge = (page.locator(which).bounding_box() for which in (".scale", ".badge"))
        assert scale is not None
        assert badge is not None
        assert badge["y"] + badge["height"] < scale["y"]  # neither hides the other
        before = page.locator(".magnification").inner_text()
        page.locator(".zoom-in").tap()
        expect(page.locator(".magnification")).not_to_have_text(before)
        sharp(page)


def test_a_known_auditor_finds_nothing_against_wcag_aa(address: str, chromium: Browser) -> None:
    for options in (MOUSE, PHONE):
        with looking(chromium, address, **options) as page:
            assert audit(page) == []
            sharp(page)
            assert audit(page) == []
            for opens in ("#help", "#whole"):
                page.locator(opens).click()
                assert audit(page) == []
                page.keyboard.press("Escape")


def test_a_storm_of_the_wheel_starves_nobody_and_leaves_no_wish_behind(
    address: str, chromium: Browser
) -> None:
    with looking(chromium, address, "?seed=31") as page:
        sharp(page)
        page.mouse.move(640, 400)
        for n in range(30):
            page.mouse.wheel(0, -400 if n % 7 < 4 else 400)
        Looking(address, 50).wait("4/0_0", seed=32)
        page.locator(".whole").click()
        sharp(page)


def test_a_microscope_that_ended_is_told(tmp_path: Path, chromium: Browser) -> None:
    model = tiny_model(tmp_path / "tiny.safetensors")
    with ExitStack() as stack:
        with microscope(model, "--seed", "7", *SLIDE) as running:
            forgiven = "^Failed to load resource"
            page = stack.enter_context(opened(chromium, running, "", forgiven, **MOUSE))
            sharp(page)
        page.locator("#another").click()
        expect(page.locator("#state")).to_contain_text("does not answer")
