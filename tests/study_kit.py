"""What the tests of the reader study share: phantom slides in two makes, a running server, a browser."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from server_kit import PATIENCE_S, serving

from wsigen.phantom.slide import PhantomSlide
from wsigen.slides import write_pyramid
from wsigen.study.design import RATINGS, create_study
from wsigen.study.store import Store

CHROMIUM = "/usr/bin/chromium"
QUIET = [  # the last three keep Chromium from calling home, where there is no way
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def two_makes(folder: Path, count: int, side: int = 700, tissues: int = 4) -> tuple[Path, Path]:
    """Folders of ``count`` slides each that differ in all but their tissue: scale, size, glass, noise, JPEG, tags."""
    tissue = [
        PhantomSlide(seed, height=side, width=side, mpp=3).render(0, 0, side, side)
        for seed in range(tissues)
    ]
    random = np.random.default_rng(0)
    for index in range(2 * count):
        real = index % 2 == 0
        pixels = np.rot90(tissue[index // 2 % tissues], index // 8).astype(np.float32)
        if index // 8 >= 4:
            pixels = pixels[:, ::-1]
        noise = 2.5 if real else 0.0
        glass = np.array([0.93, 0.91, 0.94]) if real else np.array([1.02, 1.02, 1.01])
        pixels = pixels * glass + noise * random.standard_normal(pixels.shape)
        image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        if real:
            image = image.resize((side * 5 // 4, side * 5 // 4), Image.Resampling.BICUBIC)
        make = "real" if real else "synthetic"
        (folder / make).mkdir(parents=True, exist_ok=True)
        write_pyramid(
            folder / make / f"{make}-{index:02d}.tiff",
            np.asarray(image),
            2.4 if real else 3.0,
            quality=75 if real else 95,
            tile_px=240 if real else 256,
            description={"scanner": "A"} if real else {"SYNTHETIC": True, "seed": index},
        )
    return folder / "real", folder / "synthetic"


def small_study(folder: Path, n: int = 2, side: int = 700) -> Path:
    """A study of ``n`` against ``n`` phantom slides in ``folder/study``."""
    real, synthetic = two_makes(folder / "slides", n + 1, side, tissues=2)
    for step in create_study(folder / "study", real=real, synthetic=synthetic, n=n):
        assert not step.skipped
    return folder / "study"


def invite(study: Path, *names: str) -> list[str]:
    """The secrets of new links."""
    store = Store(study / RATINGS, create=True)
    links = [store.invite(name) for name in names]
    store.close()
    return links


def steps(study: Path, name: str | None = None) -> list[dict]:
    """All rows, or those of one reader, as another process sees them."""
    store = Store(study / RATINGS)
    rows = [row for row in store.steps() if name in (None, row["reader"])]
    store.close()
    return rows


@contextmanager
def server(study: Path, *options: str, port: int = 0) -> Iterator[tuple[str, subprocess.Popen]]:
    """`wsigen study serve`."""
    with serving("study", "serve", study, "--port", port, *options) as running:
        yield running


@contextmanager
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a window."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=QUIET, timeout=1000 * PATIENCE_S
        )
        expect.set_options(timeout=1000 * PATIENCE_S)
        yield chromium
        chromium.close()


@contextmanager
def opened(chromium: Browser, site: str, path: str, forgiven: str, **options) -> Iterator[Page]:
    """A page of a site; at the end nothing was asked of another server, and no script complained.

    Args:
        chromium: the browser.
        site, path: together the page's address.
        forgiven: pattern of what may be said on the console.
        options: of the browser's context.
    """
    context = chromium.new_context(**options)
    context.set_default_timeout(1000 * PATIENCE_S)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site + path)
    yield page
    context.close()
    assert not [url for url in asked if not url.startswith((site, "data:", "blob:"))]
    assert not [text for text in complaints if not re.search(forgiven, text)]


class Client:
    """A reader without a browser: follows the serial, knows the current slide from the page."""

    def __init__(self, address: str, link: str) -> None:
        self.http = httpx.Client(
            base_url=address, timeout=PATIENCE_S, verify=False
        )  # no TLS here; saves reading certificates
        self.link, self.name = link, ""
        self.look()

    def look(self) -> str:
        """Read the page; sets serial, alias (None on a page without slide) and size."""
        page = self.http.get(f"/r/{self.link}").raise_for_status().text
        found = dict(re.findall(r'data-(serial|alias|width|height)="([^"]*)"', page))
        self.serial = int(found.get("serial", 0))
        self.alias = found.get("alias")
        self.width, self.height = int(found.get("width", 0)), int(found.get("height", 0))
        return page

    def post(self, body: dict | str | bytes, **headers: str) -> httpx.Response:
        content = json.dumps(body) if isinstance(body, dict) else body
        headers = {"Content-Type": "application/json"} | {
            k.replace("_", "-"): v for k, v in headers.items()
        }
        return self.http.post(f"/r/{self.link}/steps", content=content, headers=headers)

    def step(self, kind: str, **values: object) -> httpx.Response:
        """A step that follows the last one."""
        alias = {} if kind == "consent" else {"alias": self.alias}
        answer = self.post({"kind": kind, "serial": self.serial, **alias, **values})
        if answer.status_code == 201:
            self.serial = answer.json()["serial"]
        return answer

    def consent(self) -> None:
        assert self.step("consent").status_code == 201
        self.look()

    def rate(self, rating: int) -> None:
        """Move the slider, submit, and go on to the next slide."""
        assert self.step("change", rating=rating).status_code == 201
        assert (
            self.step("submit", rating=rating, dwell_ms=5, mpp_min=1.0, mpp_max=9.0).status_code
            == 201
        )
        self.look()

    def tile(self, address: str, alias: str | None = None, **headers: str) -> httpx.Response:
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        return self.http.get(
            f"/r/{self.link}/tiles/{alias or self.alias}/{address}", headers=headers
        )
