"""The live microscope over HTTP: its tiles are generate's slide, its limits hold, what is off costs nothing."""

import html
import json
import re
import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
from click.testing import CliRunner
from explore_kit import SLIDE, Looking, microscope, tiny_model
from server_kit import PATIENCE_S, Direct, error_page, wait_until

from wsigen.cli.explore import NOT_OF_THE_SLIDE, explore, whole_slide
from wsigen.cli.generate import generate
from wsigen.errors import WsigenError
from wsigen.runs.canvas import strips
from wsigen.runs.workdir import Workdir
from wsigen.slides import open_slide
from wsigen.slides.pyramid import read_description
from wsigen.study.explore import MOST_TILES, explore_app
from wsigen.study.offer import Offer, Scale, formed
from wsigen.zoom.desk import Desk

SIZES = [(25, 38), (50, 75), (100, 150), (200, 300), (400, 600)]  # of the stages, as they are shown


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The microscope before slide 7, and the stages of that slide as generate makes them."""
    folder = tmp_path_factory.mktemp("explore")
    model = tiny_model(folder / "tiny.safetensors")
    words = [
        folder / "slide.tiff",
        "--model",
        model,
        "--seed",
        7,
        *SLIDE,
        "--workdir",
        folder / "w",
    ]
    done = CliRunner().invoke(generate, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0
    kept = Workdir(folder / "w", json.loads((folder / "w" / "config.json").read_text()))
    stages = []
    while (image := kept.image(len(stages))) is not None:
        stages.append(next(strips(image, *image.shape[1:], image.shape[1])))
    with microscope(model, "--seed", "7", *SLIDE) as address:
        yield SimpleNamespace(address=address, stages=stages, slide=folder / "slide.tiff")


def window(tile: str) -> tuple[int, slice, slice]:
    stage, column, row = map(int, re.findall(r"\d+", tile))
    return stage, slice(row * 256, row * 256 + 256), slice(column * 256, column * 256 + 256)


def test_tiles_of_all_stages_are_pixel_for_pixel_what_generate_makes(site: SimpleNamespace) -> None:
    looking = Looking(site.address)
    tiles = ["4/2_1", "4/0_0", "4/1_0", "3/1_0", "2/0_0", "1/0_0", "0/0_0"]
    looking.wait(*tiles)
    for tile in tiles:
        stage, rows, columns = window(tile)
        height, width = SIZES[stage]
        expected = site.stages[stage][:height, :width][rows, columns]
        assert (looking.pixels(tile) == expected).all()
    with open_slide(site.slide) as whole:
        shown = whole.read(0, 256, 256, 256).astype(int)
    assert np.abs(shown - looking.pixels("4/1_0")).mean() < 6  # wild colours, kept as JPEG


def test_what_is_spent_is_told_and_not_spent_twice(site: SimpleNamespace) -> None:
    first, second = Looking(site.address, 2), Looking(site.address, 3)
    before = first.wait("4/2_0", seed=8)["spent"]
    assert before["evaluations"] > 0
    assert 0 < before["share"] < 1
    assert second.wait("4/2_0", seed=8)["spent"] == before
    assert first.want(seed=99).json()["spent"]["evaluations"] == 0


def test_a_class_of_thirty_is_served_and_equal_tiles_are_made_once(site: SimpleNamespace) -> None:
    own = [f"4/{n % 3}_{n // 3 % 2}" for n in range(30)]
    readers = [Looking(site.address, 100 + n) for n in range(30)]
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda r, tile: r.wait("1/0_0", tile, seed=9), readers, own))
    assert len(answers) == 30
    spent = readers[0].want(seed=9).json()["spent"]
    assert 0.95 < spent["share"] <= 1  # all but some patches at the rim that is cut off, each once


def test_a_region_is_saved_with_its_scale_and_says_what_it_is(
    site: SimpleNamespace, tmp_path: Path
) -> None:
    looking = Looking(site.address, 4)
    place = {"seed": 7, "stage": 3, "top": 20, "left": 30, "height": 170, "width": 260}
    answer = looking.http.get("region.tiff", params=place).raise_for_status()
    assert 'filename="synthetic_seed7_2.8um_30_20.tiff"' in answer.headers["content-disposition"]
    file = tmp_path / "region.tiff"
    file.write_bytes(answer.content)
    about = read_description(file)
    assert about is not None
    assert about["SYNTHETIC"] is True
    assert about["seed"] == 7
    assert about["region"] == {"stage": 3, "top": 20, "left": 30, "height": 170, "width": 260}
    with open_slide(file) as slide:
        assert (slide.height, slide.width) == (170, 260)
        assert slide.mpp == pytest.approx(2.8)
        shown = slide.read(0, 0, 170, 260).astype(int)
    assert np.abs(shown - site.stages[3][20:190, 30:290]).mean() < 6


BAD_TILES = [
    {"tiles": ["5/0_0"]},  # no such stage
    {"tiles": ["4/3_0"]},  # beyond the right edge
    {"tiles": ["4/0_2"]},
    {"tiles": ["-1/0_0"]},
    {"tiles": ["4/0_0/../.."]},
    {"tiles": ["4/0_0"] * (MOST_TILES + 1)},
    {"tiles": ["4/0_0"], "seed": -1},
    {"tiles": ["4/0_0"], "seed": 2**53},
    {"tiles": ["4/0_0"], "seed": 1.5},
    {"tiles": ["4/0_0"], "seed": "7"},
    {"tiles": ["4/0_0"], "reader": "me"},
    {"tiles": ["4/0_0"], "form": "exe"},
    {"tiles": ["4/0_0"], "more": 1},
    {"tiles": "4/0_0"},
]


@pytest.mark.parametrize("body", BAD_TILES)
def test_a_wish_that_is_off_is_refused_and_costs_nothing(site: SimpleNamespace, body: dict) -> None:
    looking = Looking(site.address, 5)
    answer = looking.http.post("wants", json={"reader": looking.name, "seed": 55} | body)
    assert answer.status_code in (404, 422)
    assert answer.json()["error"]
    assert looking.want(seed=55).json()["spent"]["evaluations"] == 0


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("?seed=-1", 422),
        ("?seed=9007199254740992", 422),
        ("?x=nan", 422),
        ("?um=0", 422),
        ("tiles/RUN/55/4/0_0.jpg", 409),  # nobody has asked for it
        ("tiles/RUN/55/4/9_0.jpg", 404),
        ("tiles/RUN/55/9/0_0.jpg", 404),
        ("tiles/RUN/55/4/0_0.exe", 404),
        ("tiles/RUN/55/4/x_0.jpg", 422),
        ("tiles/RUN/-55/4/0_0.jpg", 422),
        ("tiles/RUN/1e3/4/0_0.jpg", 422),
        ("tiles/another/7/4/0_0.jpg", 404),
        ("region.tiff", 422),
        ("region.tiff?seed=55&stage=9&top=0&left=0&height=9&width=9", 422),
        ("region.tiff?seed=55&stage=4&top=0&left=0&height=4097&width=9", 422),
        ("region.tiff?seed=55&stage=4&top=399&left=0&height=9&width=9", 422),
        ("region.tiff?seed=55&stage=4&top=0&left=-1&height=9&width=9", 422),
        ("elsewhere", 404),
    ],
)
def test_an_address_that_is_off_is_refused_and_costs_nothing(
    site: SimpleNamespace, path: str, status: int
) -> None:
    looking = Looking(site.address, 6)
    answer = looking.http.get(path.replace("RUN", looking.run))
    assert answer.status_code == status
    assert answer.json()["error"]
    assert looking.want(seed=55).json()["spent"]["evaluations"] == 0


def test_the_study_s_guard_stands_before_the_microscope_too(site: SimpleNamespace) -> None:
    looking = Looking(site.address, 7)
    page = looking.http.get("")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    foreign = {"Origin": "http://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    assert looking.http.post("wants", json={}, headers=foreign).status_code == 403
    assert looking.http.post("wants", content="x" * 9000).status_code == 415
    looking.wait("0/0_0", form="jpg")
    tile = looking.tile("0/0_0", form="jpg")
    assert "immutable" in tile.headers["cache-control"]
    again = {"If-None-Match": tile.headers["etag"]}
    assert looking.http.get(tile.url, headers=again).status_code == 304


def test_a_head_is_that_of_the_page_or_tile_and_costs_nothing(site: SimpleNamespace) -> None:
    looking = Looking(site.address, 8)
    region = "region.tiff?seed=56&stage=4&top=0&left=0&height=9&width=9"
    looking.wait("0/0_0", form="jpg")
    for path, status in (
        ("", 200),
        (f"tiles/{looking.run}/7/0/0_0.jpg", 200),
        (f"tiles/{looking.run}/56/0/0_0.jpg", 409),
        ("static/explore.js", 200),
        ("elsewhere", 404),
    ):
        whole, head = looking.http.get(path), looking.http.head(path)
        assert (head.status_code, head.content) == (status, b""), path
        for one in (whole, head):
            one.headers.pop("date")
        assert head.headers == whole.headers
    assert looking.http.head(region).status_code == 405
    assert looking.want(seed=56).json()["spent"]["evaluations"] == 0


class Idle:
    """A slide whose windows never come."""

    spent = None
    share = 0.0

    def make(self, stage, windows):
        while True:
            yield 1


def offered(**options) -> Offer:
    return Offer([Scale(400, 600, 1.4)], 3, {"model": "none", "width": 600}, **options)


def test_a_class_needs_the_token_of_the_link() -> None:
    desk = Desk(lambda seed: Idle(), formed)
    client = Direct(explore_app(desk, offered(), token="secret"))
    assert client.get("/secret/").status_code == 200
    assert "/secret/" not in client.get("/", headers={"accept": "text/html"}).text
    assert client.get("/").status_code == 404
    assert client.get("/wrong/").status_code == 404
    body = {"reader": "0" * 16, "seed": 1, "tiles": []}
    assert client.post("/wants", json=body).status_code == 404
    assert client.post("/secret/wants", json=body).status_code == 200


def test_an_error_page_names_the_microscope() -> None:
    assert (
        error_page(explore_app(Desk(lambda seed: Idle(), formed), offered())) == "Live microscope"
    )


def test_more_readers_than_are_served_are_told_so() -> None:
    desk = Desk(lambda seed: Idle(), formed, readers=1)
    client = Direct(explore_app(desk, offered()))
    body = {"reader": "0" * 16, "seed": 1, "tiles": []}
    assert client.post("/wants", json=body).status_code == 200
    answer = client.post("/wants", json=body | {"reader": "1" * 16})
    assert answer.status_code == 503
    assert "1 others are being served" in answer.json()["error"]


def test_what_was_offered_with_other_parameters_has_other_addresses() -> None:
    other = Offer(offered().scales, 3, {"model": "another", "width": 600})
    assert offered().run == offered(command="x").run != other.run


def called(*words: object) -> None:
    CliRunner().invoke(explore, [str(word) for word in words], catch_exceptions=False)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--mpp", 90], "90 um/px is coarser than the model's 40 um/px"),
        (["--mpp", 0.01], "^0.01 um/px is outside the model's range of 0.25 to 40 um/px"),
        (["--width", 8, "--height", 8], "too small"),
        (["--plan", "fastest"], "no plan 'fastest'"),
        (["--model", "nowhere.safetensors"], "nowhere"),
        (["--width", 100, "--width-mm", 1], "both given"),
    ],
)
def test_a_slide_that_cannot_be_is_told_before_anything_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list, message: str
) -> None:
    monkeypatch.setattr("wsigen.study.serve.run_server", lambda *_, **__: pytest.fail("served"))
    model = [] if "--model" in words else ["--model", tiny_model(tmp_path / "tiny.safetensors")]
    with pytest.raises(WsigenError, match=message):
        called(*words, *model, "--no-browser")


def test_a_workdir_keeps_what_was_drawn_for_the_command_that_finishes_the_slide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offers = []

    def served(app, host, port, *, path, open_browser) -> None:
        client = Direct(app)
        found = re.search(r'data-command="([^"]*)"', client.get(path).text)
        body = {"reader": "0" * 16, "seed": 7, "tiles": ["3/0_0"]}
        wait_until(lambda: client.post(f"{path}wants", json=body).json()["ready"])
        drawn = client.post(f"{path}wants", json=body).json()["spent"]["evaluations"]
        offers.append((path, found and html.unescape(found[1]), drawn))

    monkeypatch.setattr("wsigen.study.serve.run_server", served)
    model = tiny_model(tmp_path / "tiny.safetensors")
    words = ["--model", model, "--seed", 7, *SLIDE, "--no-browser"]
    called(*words, "--workdir", tmp_path / "w")
    called(*words, "--host", "0.0.0.0")
    (path, command, drawn), (secret, hidden, _) = offers
    assert path == "/"
    assert command == (
        f"wsigen generate slide_SEED.tiff --seed SEED --model {model} --width 600 --height 400 --mpp 1.4 "
        f"--num-steps 3 --guided-sigma 1.0 --solver 2m --overview-steps 2 --workdir {tmp_path}/w/seed_SEED"
    )
    assert hidden is None  # a class is told nothing of this machine's folders
    assert re.fullmatch(r"/[\w-]{16}/", secret)
    _, _, out, *rest = shlex.split(command.replace("SEED", "7"))
    going_on, alone = (
        CliRunner().invoke(generate, [str(tmp_path / name), *options], catch_exceptions=False)
        for name, options in ((out, rest), ("alone.tiff", rest[:-2]))
    )
    spent = [int(re.findall(r"(\d+) evaluations", r.output)[-1]) for r in (going_on, alone)]
    assert spent[0] == spent[1] - drawn < spent[1]
    with open_slide(tmp_path / out) as one, open_slide(tmp_path / "alone.tiff") as other:
        assert (one.read(0, 0, 400, 600) == other.read(0, 0, 400, 600)).all()
    with pytest.raises(WsigenError, match="holds another slide's stages"):
        called(*words, "--plan", "preview", "--workdir", tmp_path / "w")


EVERY_OPTION = """--model a --told 1.1 --width 600
    --height 400 --width-mm 3 --height-mm 2 --mpp 1.4 --plan fast --num-steps 3 --guided-steps 2 --guided-sigma 1
    --solver 2m --sigma-start 2 --guide-sigma 0.2 --guide-strength 0.5 --skip-background 1 --first-starts 3,2
    --first-steps 5,4 --shifts low-discrepancy --overview-steps 2 --overview-solver euler --full"""


def test_the_command_for_the_whole_slide_gives_generate_every_option_that_names_it() -> None:
    with explore.make_context("explore", EVERY_OPTION.split()) as context:
        command = whole_slide(context.params, Path("my work/seed_SEED"))
    of_slide = [p for p in explore.params if p.name not in NOT_OF_THE_SLIDE and p.expose_value]
    assert [p.name for p in of_slide if context.params[p.name] in (None, p.default)] == []
    words = shlex.split(command.replace("SEED", "7"))
    assert words[:3] == ["wsigen", "generate", "slide_7.tiff"]
    given = generate.make_context("generate", words[2:]).params
    assert {p.name: given[p.name] for p in of_slide} == {
        p.name: context.params[p.name] for p in of_slide
    }
    assert given["seed"] == 7
    assert given["workdir"] == Path.cwd() / "my work" / "seed_7"


def test_a_page_asks_no_other_host(site: SimpleNamespace) -> None:
    page = httpx.get(site.address, timeout=PATIENCE_S).text
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert address.startswith(("/static/", "data:"))
