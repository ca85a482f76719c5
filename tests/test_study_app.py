"""The rating app over HTTP: what a link shows, what is refused, what stays."""

import io
import os
import re
import secrets
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TextIO

import httpx
import numpy as np
import pytest
from click.testing import CliRunner
from fastapi import FastAPI
from PIL import Image
from server_kit import PATIENCE_S, error_page
from study_kit import Client, invite, server, small_study, steps

import wsigen.study as study_package
from wsigen.cli.study import study as study_command
from wsigen.errors import WsigenError
from wsigen.slides import open_slide
from wsigen.study.app import study_app
from wsigen.study.design import CONFIG, KEY, RATINGS, SLIDES, load_study, read_key
from wsigen.study.serve import run_server
from wsigen.study.store import Store


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A study of 2 against 2, served; the key lies elsewhere and cannot be read by name."""
    study = small_study(tmp_path_factory.mktemp("study"))
    key = read_key(study / KEY)
    hidden = study.parent / "kept" / KEY
    hidden.parent.mkdir()
    (study / KEY).rename(hidden)
    with server(study) as (address, _):
        yield SimpleNamespace(study=study, address=address, key=key, hidden=hidden)


@pytest.fixture
def reader(site: SimpleNamespace) -> Client:
    """A reader of this test's own, who has agreed and sees the first practice slide."""
    name = f"reader {secrets.token_hex(4)}"
    client = Client(site.address, *invite(site.study, name))
    client.name = name
    client.consent()
    return client


def fetch(site: SimpleNamespace, path: str) -> httpx.Response:
    """GET a path as it is, dots and all."""
    return httpx.get(
        httpx.URL(site.address, raw_path=path.encode()), verify=False, timeout=PATIENCE_S
    )


def test_a_whole_study_is_recorded_step_by_step(site: SimpleNamespace, reader: Client) -> None:
    for rating in (10, 20, 30, 40, 50, 60):
        last = reader.alias
        reader.rate(rating)
    assert "Thank you" in reader.look()
    assert (
        reader.post({"kind": "change", "serial": 14, "alias": last, "rating": 1}).status_code == 409
    )
    rows = steps(site.study, reader.name)
    assert [row["serial"] for row in rows] == list(range(1, 14))
    assert [row["kind"] for row in rows] == ["consent", *["change", "submit"] * 6]
    assert [row["position"] for row in rows] == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]
    number = next(
        n for n, name, _ in Store(site.study / RATINGS).readers() if name == rows[0]["reader"]
    )
    assert [row["slide"] for row in rows if row["kind"] == "submit"] == list(
        load_study(site.study).order(number)
    )
    assert all(
        row["mpp_min"] == 1.0 and row["dwell_ms"] == 5 for row in rows if row["kind"] == "submit"
    )
    assert all(
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", str(row["time"]))
        for row in rows
    )


def test_another_tablet_goes_on_at_the_same_slide_with_the_slider_where_it_was(
    site: SimpleNamespace, reader: Client
) -> None:
    reader.rate(30)
    assert reader.step("change", rating=77).status_code == 201
    other = Client(site.address, reader.link)
    assert (other.alias, other.serial) == (reader.alias, reader.serial)
    assert 'value="77"' in other.look()
    assert other.step("change", rating=80).status_code == 201
    assert reader.step("change", rating=10).status_code == 409  # the first tablet lags behind now


def test_the_page_has_no_rating_before_the_slider_is_moved(reader: Client) -> None:
    page = reader.look()
    assert 'class="unset"' in page
    assert re.search(r'<button type="submit" class="main" disabled>', page)
    reader.step("change", rating=50)
    page = reader.look()
    assert 'class="unset"' not in page
    assert 'class="main" disabled' not in page


def test_a_revoked_or_unknown_link_gets_the_same_404(site: SimpleNamespace) -> None:
    link, gone = invite(site.study, "revoked one", "other one")
    http = httpx.Client(base_url=site.address, timeout=PATIENCE_S)
    store = Store(site.study / RATINGS)
    assert http.get(f"/r/{gone}").status_code == 200
    store.revoke("other one")
    answers = [http.get(f"/r/{wrong}") for wrong in (gone, link[:-1] + "~", "x", "%00", "é" * 400)]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert http.get(f"/r/{link}").status_code == 200
    new = store.invite("revoked one")
    assert http.get(f"/r/{link}").status_code == 404
    assert http.get(f"/r/{new}").status_code == 200


def test_links_are_long_random_and_not_kept_in_clear(site: SimpleNamespace) -> None:
    (link,) = invite(site.study, "guessed")
    assert len(link) == 32
    stored = b"".join(path.read_bytes() for path in site.study.glob(RATINGS + "*"))
    assert link.encode() not in stored


def test_two_readers_share_no_alias_and_cannot_use_each_others(
    site: SimpleNamespace, reader: Client
) -> None:
    other = Client(site.address, *invite(site.study, "someone else"))
    other.consent()
    assert other.alias != reader.alias  # though both see the same practice slide
    assert reader.tile("9/0_0.jpg").status_code == 200
    assert other.tile("9/0_0.jpg", reader.alias).status_code == 404
    assert (
        other.post({"kind": "change", "serial": 2, "alias": reader.alias, "rating": 5}).status_code
        == 404
    )
    assert len(steps(site.study, "someone else")) == 1


def test_nothing_a_reader_receives_names_files_labels_or_others(
    site: SimpleNamespace, reader: Client
) -> None:
    words = {
        *site.key,
        *(row["source"] for row in site.key.values()),
        *SLIDES.split(),
        str(site.study),
        ".tiff",
        "someone else",
    }
    words -= {SLIDES}
    received = [
        reader.http.get(f"/r/{reader.link}"),
        reader.http.get("/"),
        reader.http.get("/static/steps.js"),
    ]
    for address in ("9/0_0.jpg", "8/0_0.jpg", "9/9_9.jpg", "99/0_0.jpg"):
        received.append(reader.tile(address))
    received += [
        reader.tile("9/0_0.jpg", "0" * 32),
        reader.step("change", rating=101),
        reader.http.get("/nowhere"),
    ]
    for answer in received:
        text = f"{answer.url} {answer.headers} ".encode() + answer.content
        assert not [word for word in words if word.encode() in text]
        assert "server" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_tiles_and_headers_of_all_slides_are_alike(site: SimpleNamespace) -> None:
    client = Client(site.address, *invite(site.study, "compares slides"))
    client.consent()
    seen, bytes_seen = set(), set()
    for _ in range(6):
        answer = client.tile("9/0_0.jpg")
        with Image.open(io.BytesIO(answer.content)) as tile:
            assert tile.size == (256, 256)
            tables = tuple(map(tuple, tile.quantization.values()))
            seen.add(
                (
                    tuple(sorted(answer.headers)),
                    answer.headers["cache-control"],
                    tables,
                    tuple(sorted(tile.info)),
                )
            )
        assert b"Exif" not in answer.content
        bytes_seen.add(answer.content)
        client.rate(1)
    assert len(seen) == 1
    assert len(bytes_seen) == 6


def test_a_tile_is_the_slides_own_pixels(site: SimpleNamespace, reader: Client) -> None:
    study = load_study(site.study)
    with Image.open(io.BytesIO(reader.tile("9/1_0.jpg").content)) as tile:
        found = np.asarray(tile).astype(float)
    with open_slide(site.study / SLIDES / f"{study.practice[0]}.tiff") as slide:
        assert np.abs(slide.read(0, 256, 256, 256) - found).mean() < 3


def test_a_head_is_that_of_the_page_or_tile_and_changes_nothing(
    site: SimpleNamespace, reader: Client
) -> None:
    before = steps(site.study)
    for path in ("/", f"/r/{reader.link}", f"/r/{reader.link}/tiles/{reader.alias}/9/0_0.jpg"):
        whole, head = reader.http.get(path), reader.http.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(whole.content))
        assert head.headers["content-type"] == whole.headers["content-type"]
    assert reader.http.head("/r/unknown").status_code == 404
    assert steps(site.study) == before


def test_an_error_page_names_the_study(site: SimpleNamespace) -> None:
    assert error_page(study_app(site.study)) == "Reader study"


def test_tiles_are_cached_by_browsers_privately(reader: Client) -> None:
    first = reader.tile("9/0_0.jpg")
    assert first.headers["cache-control"] == "private, max-age=86400, immutable"
    again = reader.tile("9/0_0.jpg", If_None_Match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert reader.http.get(f"/r/{reader.link}").headers["cache-control"] == "no-store"


def test_answers_leave_without_waiting_for_an_acknowledgement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nagle's algorithm would hold each answer on a kept connection back for 40 ms."""
    told = []

    def run(_, sockets: list[socket.socket]) -> None:
        with socket.create_connection(sockets[0].getsockname()), sockets[0].accept()[0] as taken:
            told.append(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr("uvicorn.Server.run", run)
    run_server(FastAPI(), "127.0.0.1", 0)
    assert told == [1]


def test_only_the_current_slide_is_served(reader: Client) -> None:
    first = reader.alias
    assert reader.tile("9/0_0.jpg").status_code == 200
    reader.rate(5)
    assert reader.tile("9/0_0.jpg").status_code == 200
    assert reader.tile("9/0_0.jpg", first).status_code == 404


@pytest.mark.parametrize(
    "address",
    ["0_0.jpg", "9/0_0.png", "9/-1_0.jpg", "9/0_0.jpg/x", "x/0_0.jpg", "9/2_0.jpg", "10/0_0.jpg", "9/%00_0.jpg",
     "9/" + "9" * 5000 + "_0.jpg", "../../config.json", "..%2f..%2fconfig.json", "9/%D9%A3_0.jpg"],
)  # fmt: skip
def test_tiles_that_are_not_there_get_404(
    site: SimpleNamespace, reader: Client, address: str
) -> None:
    answer = fetch(site, f"/r/{reader.link}/tiles/{reader.alias}/{address}")
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/key.csv", "/config.json", "/ratings.sqlite", "/slides/", "/../config.json", "/static/../templates/base.html",
     "/static/%2e%2e/app.py", "/static/..%2f..%2f..%2fpyproject.toml", "/static//etc/passwd", "/static/%00",
     "/static/vendor", "/docs", "/openapi.json", "/redoc", "/r/", "/r/../config.json"],
)  # fmt: skip
def test_path_tricks_get_404(site: SimpleNamespace, path: str) -> None:
    assert fetch(site, path).status_code == 404


GOOD = {"kind": "change", "rating": 5}
BAD_VALUES = [
    {"rating": -1}, {"rating": 101}, {"rating": 50.5}, {"rating": "50"}, {"rating": None}, {"rating": True},
    {"rating": [1]}, {"rating": 10**30}, {"serial": 0}, {"serial": "2"}, {"serial": 10**9}, {"kind": "drop"},
    {"kind": None}, {"alias": "../../x"}, {"alias": "' OR 1=1 --"}, {"alias": 5}, {"dwell_ms": -1},
    {"dwell_ms": 1.5}, {"mpp_min": 0}, {"mpp_min": "1"}, {"centre_x": 11}, {"reader": 2}, {"time": "2020-01-01"},
    {"position": 3},
]  # fmt: skip


@pytest.mark.parametrize("wrong", BAD_VALUES, ids=str)
def test_values_out_of_range_get_422_and_change_nothing(
    site: SimpleNamespace, reader: Client, wrong: dict
) -> None:
    before = steps(site.study)
    answer = reader.post({"alias": reader.alias, "serial": reader.serial, **GOOD, **wrong})
    assert answer.status_code == 422
    assert next(iter(wrong)) in answer.json()["error"]
    assert steps(site.study) == before


@pytest.mark.parametrize(
    "body", ["", "[]", "null", "{", '"x"', b"\xff\xfe", "NaN", '{"rating": NaN}', "[" * 4000]
)
def test_bodies_that_are_no_step_get_4xx_and_change_nothing(
    site: SimpleNamespace, reader: Client, body: str | bytes
) -> None:
    before = steps(site.study)
    answer = reader.post(body)
    assert 400 <= answer.status_code < 500
    assert "error" in answer.json()
    assert steps(site.study) == before


def test_not_a_number_is_no_position(site: SimpleNamespace, reader: Client) -> None:
    text = (
        f'{{"kind": "change", "alias": "{reader.alias}", "serial": 2, "rating": 5, "centre_x": %s}}'
    )
    for value in ("NaN", "Infinity", "1e999"):
        assert reader.post(text % value).status_code == 422


def test_oversized_bodies_get_413_with_and_without_a_length(
    site: SimpleNamespace, reader: Client
) -> None:
    before = steps(site.study)
    large = b'{"kind": "change", "x": "' + b"x" * 5000 + b'"}'
    assert reader.post(large).status_code == 413
    answer = reader.http.post(
        f"/r/{reader.link}/steps",
        content=(large[start : start + 1000] for start in range(0, len(large), 1000)),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413
    assert steps(site.study) == before


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://elsewhere.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"},
     {"Sec_Fetch_Site": "same-site"}],
    ids=str,
)  # fmt: skip
def test_posts_from_other_sites_get_403_and_change_nothing(
    site: SimpleNamespace, reader: Client, headers: dict[str, str]
) -> None:
    before = steps(site.study)
    body = {"alias": reader.alias, "serial": reader.serial, **GOOD}
    assert reader.post(body, **headers).status_code == 403
    assert steps(site.study) == before
    assert reader.post(body, Origin=site.address, Sec_Fetch_Site="same-origin").status_code == 201


def test_forms_of_other_sites_get_415(site: SimpleNamespace, reader: Client) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert (
            reader.post({"alias": reader.alias, "serial": 2, **GOOD}, Content_Type=kind).status_code
            == 415
        )
    for method in ("PUT", "DELETE", "PATCH"):
        answer = reader.http.request(method, f"/r/{reader.link}/steps", json={})
        assert answer.status_code == 405


def test_a_replayed_request_gets_409_and_changes_nothing(
    site: SimpleNamespace, reader: Client
) -> None:
    body = {"alias": reader.alias, "serial": reader.serial, **GOOD}
    assert reader.post(body).status_code == 201
    before = steps(site.study)
    assert reader.post(body).status_code == 409
    assert reader.post(body | {"rating": 99}).status_code == 409
    assert reader.post({"kind": "consent", "serial": 1}).status_code == 409
    assert reader.post({"kind": "consent", "serial": 3}).status_code == 409
    assert reader.post(body | {"serial": 7}).status_code == 409
    assert steps(site.study) == before


def test_a_submitted_slide_cannot_be_rated_again(site: SimpleNamespace, reader: Client) -> None:
    first = reader.alias
    reader.rate(5)
    before = steps(site.study)
    for kind in ("change", "submit"):
        answer = reader.post({"kind": kind, "alias": first, "serial": reader.serial, "rating": 9})
        assert answer.status_code == 409
    assert steps(site.study) == before


def test_no_slide_is_shown_or_rated_before_consent(site: SimpleNamespace) -> None:
    client = Client(site.address, *invite(site.study, "in a hurry"))
    assert client.alias is None
    assert (
        client.post({"kind": "submit", "alias": "0" * 32, "serial": 1, "rating": 5}).status_code
        == 404
    )
    assert client.post({"kind": "submit", "serial": 1, "rating": 5}).status_code == 404
    assert not steps(site.study, "in a hurry")


def test_rows_cannot_be_changed_even_with_the_file_at_hand(
    site: SimpleNamespace, reader: Client
) -> None:
    with sqlite3.connect(site.study / RATINGS) as db:
        for statement in ("UPDATE steps SET rating = 1", "DELETE FROM steps"):
            with pytest.raises(sqlite3.IntegrityError, match="never"):
                db.execute(statement)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


def test_the_server_never_opens_the_key(tmp_path: Path, site: SimpleNamespace) -> None:
    """Not by any name: every file that Python opens while serving a reader is listed."""
    script = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event in ("open", "sqlite3.connect") else None)
from pathlib import Path
from fastapi.testclient import TestClient
from wsigen.study.app import study_app
from wsigen.study.serve import run_server
from wsigen.study.store import Store
folder = Path(sys.argv[1])
link = Store(folder / "ratings.sqlite", create=True).invite("listed")
client = TestClient(study_app(folder))
assert client.get(f"/r/{link}").status_code == 200
assert client.post(f"/r/{link}/steps", json={"kind": "consent", "serial": 1}).status_code == 201
assert client.get(f"/r/{link}").status_code == 200
print(*opened, sep="\\n")
"""
    decoy = site.study / KEY
    decoy.write_text("slide,label\n")
    try:
        ran = subprocess.run(
            [sys.executable, "-c", script, str(site.study)], capture_output=True, text=True, check=True,
            env=os.environ | {"PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
    finally:
        decoy.unlink()
    opened = ran.stdout.splitlines()
    assert any("config.json" in name for name in opened)
    assert any("ratings.sqlite" in name for name in opened)
    assert not [name for name in opened if KEY in name]


def wsigen(*words: str | Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "wsigen", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)


def test_export_and_report_bring_labels_and_ratings_together(
    site: SimpleNamespace, tmp_path: Path
) -> None:
    client = Client(site.address, *invite(site.study, "exported"))
    client.consent()
    for _ in range(6):
        client.rate(42)
    missing = wsigen("study", "export", site.study, "--csv")
    assert missing.returncode == 2
    assert "say where it is with --key" in missing.stderr
    table = wsigen("study", "export", site.study, "--csv", "--key", site.hidden).stdout
    rows = [
        line.split(",") for line in table.splitlines() if line.startswith(("reader,", "exported,"))
    ]
    assert len(rows) == 5
    assert sorted(row[2] for row in rows[1:]) == ["real", "real", "synthetic", "synthetic"]
    assert wsigen("study", "export", site.study, "--steps").stdout.startswith(
        "reader,serial,time,kind"
    )
    text = wsigen("study", "report", site.study, "--key", site.hidden, "--out", tmp_path / "out")
    assert "| exported | 4 | 0.50" in text.stdout, text.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "report.md",
        "report.json",
        "figure_8.png",
    }
    assert "exported\t4 of 4 rated" in wsigen("study", "readers", site.study).stdout


def test_an_export_that_fails_leaves_the_file_as_it_was(
    site: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(rows: object, out: TextIO) -> None:
        out.write("reader,ser")
        raise KeyboardInterrupt

    out = tmp_path / "steps.csv"
    words = ["export", str(site.study), "--steps", "--out", str(out)]
    monkeypatch.setattr("wsigen.study.ratings.write_csv", half)
    CliRunner().invoke(study_command, words)
    assert list(tmp_path.iterdir()) == []
    out.write_text("as it was")
    CliRunner().invoke(study_command, [*words, "--overwrite"])
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {out.name: "as it was"}
    for own in (CONFIG, RATINGS):
        words[-1] = str(site.study / own)
        refused = CliRunner().invoke(study_command, [*words, "--overwrite"])
        assert "is named twice" in str(refused.exception)


def test_mistakes_on_the_command_line_are_told_in_one_line(
    site: SimpleNamespace, tmp_path: Path
) -> None:
    port = site.address.rsplit(":", 1)[1]
    for words, told in (
        (("serve", tmp_path), "wsigen study create"),
        (("serve", site.study, "--port", port), "choose another --host or --port"),
        (("serve", site.study, "--tls-cert", "x.pem"), "belong together"),
        (("serve", site.study, "--tls-cert", "x.pem", "--tls-key", "y.pem"), "TLS"),
        (("revoke", site.study, "nobody there"), "wsigen study readers"),
        (("report", tmp_path), "wsigen study create"),
        (("invite", site.study, "=cmd()"), "letters, digits"),
    ):
        answer = wsigen("study", *words)
        assert (answer.returncode, answer.stdout) == (2, ""), answer
        assert told in answer.stderr
        assert len(answer.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("host", "warned"), [("0.0.0.0", True), ("127.0.0.1", False), ("localhost", False)]
)
def test_other_addresses_than_loopback_warn_about_tls_and_say_how(
    site: SimpleNamespace, host: str, warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsigen.study.serve.run_server", lambda *args, **options: None)
    answer = CliRunner().invoke(study_command, ["serve", str(site.study), "--host", host])
    assert answer.exit_code == 0
    assert ("without TLS" in answer.output and "--tls-cert" in answer.output) == warned


@pytest.mark.parametrize(
    ("words", "module"), [(["serve"], "fastapi"), (["report"], "krippendorff")]
)
def test_the_missing_extra_is_told_with_what_to_install(
    site: SimpleNamespace, words: list[str], module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("wsigen.study.")]:
        leaf = name.rpartition(".")[2]
        monkeypatch.setattr(study_package, leaf, getattr(study_package, leaf))  # put back as well
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    answer = CliRunner().invoke(study_command, [*words, str(site.study)])
    assert isinstance(answer.exception, WsigenError)
    assert f"{module} is not installed; run `pip install 'wsigen[study]'`" in str(answer.exception)
