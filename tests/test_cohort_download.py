"""Downloads against a server on this machine that answers as the GDC and Zenodo do, and fails as they do."""

import hashlib
from email.utils import formatdate
from time import time

import pytest
from cohort_kit import CONTENT, sections, serving
from server_kit import PATIENCE_S

from wsigen.cohorts import public
from wsigen.cohorts.download import RemoteFile, Server, check_room, fetch_all, missing, readable
from wsigen.cohorts.table import add_to_cohort
from wsigen.errors import WsigenError


@pytest.fixture
def archive():
    with serving() as archive:
        yield archive


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def server(pauses):
    with Server(attempts=4, timeout=PATIENCE_S, sleep=pauses.append) as server:
        yield server


def remote(archive, name="id-0"):
    file, data = archive.files[name]
    return RemoteFile(
        f"{archive.url}/data/{name}", file, len(data), hashlib.md5(data).hexdigest(), "p"
    )


def test_slides_are_listed_by_name_over_as_many_pages_as_it_takes(archive, server, monkeypatch):
    monkeypatch.setattr(public, "PAGE", 3)
    files = public.tcga_brca(server, None, archive.url)
    assert [f.name for f in files] == sorted(name for name, _ in archive.files.values())
    assert archive.asked["/files"] == 3
    assert [f.name for f in public.tcga_brca(server, 4, archive.url)] == [f.name for f in files[:4]]
    assert files[0].case == "TCGA-A0-0001"
    assert files[0].url.startswith(f"{archive.url}/data/id-")


def test_files_come_whole_and_a_complete_one_is_not_fetched_again(archive, server, tmp_path):
    files = public.tcga_brca(server, 3, archive.url)
    came = []
    paths = list(fetch_all(server, files, tmp_path / "new", came.append))
    assert [p.stat().st_size for p in paths] == [f.size for f in files]
    assert sum(came) == sum(f.size for f in files)
    assert missing(files, tmp_path / "new") == []
    asked = archive.asked.total()
    list(fetch_all(server, files, tmp_path / "new"))
    assert archive.asked.total() == asked
    paths[0].write_bytes(b"damaged since")
    assert missing(files, tmp_path / "new") == [files[0]]


def test_a_dropped_connection_goes_on_where_it_broke(archive, server, pauses, tmp_path):
    archive.faults = ["drop", "drop"]
    came = []
    path = server.fetch(remote(archive), tmp_path, came.append)
    assert path.read_bytes() == CONTENT
    half = len(CONTENT) // 2
    assert archive.ranges == [None, f"bytes={half}-", f"bytes={half + half // 2}-"]
    assert sum(came) == len(CONTENT)
    assert pauses == [1, 1]  # each try gained bytes


def test_a_part_of_an_earlier_session_is_used(archive, server, tmp_path):
    file = remote(archive)
    (tmp_path / f"{file.name}.part").write_bytes(CONTENT[:1000])
    assert file.bytes_left(tmp_path) == len(CONTENT) - 1000
    assert server.fetch(file, tmp_path).read_bytes() == CONTENT
    assert archive.ranges == ["bytes=1000-"]


def test_a_server_without_ranges_sends_all_of_it_again(archive, server, tmp_path):
    archive.faults = ["drop", "no ranges"]
    came = []
    assert server.fetch(remote(archive), tmp_path, came.append).read_bytes() == CONTENT
    assert sum(came) == len(CONTENT)


def test_a_bad_md5_is_fetched_once_more_and_then_an_error(archive, server, tmp_path):
    archive.faults = ["damage"]
    assert server.fetch(remote(archive), tmp_path).read_bytes() == CONTENT
    archive.faults = ["damage", "damage"]
    with pytest.raises(WsigenError, match="came twice has another md5 than"):
        server.fetch(remote(archive, "id-1"), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [remote(archive).name]


@pytest.mark.parametrize("retry_after", ["seconds", "date"])
def test_a_busy_server_is_asked_again_when_it_says(archive, server, pauses, tmp_path, retry_after):
    archive.retry_after = formatdate(time() + 250, usegmt=True) if retry_after == "date" else "250"
    archive.faults = [429, 503]
    assert server.fetch(remote(archive), tmp_path).read_bytes() == CONTENT
    assert pauses == pytest.approx([250, 250], abs=PATIENCE_S)


def test_without_a_word_from_the_server_pauses_double_until_patience_ends(
    archive, server, pauses, tmp_path
):
    archive.faults = [500] * 9
    with pytest.raises(WsigenError, match=r"failed 4 times \(the server answers 500\)"):
        server.fetch(remote(archive), tmp_path)
    assert pauses == [1, 2, 4]
    archive.faults = [429]
    assert len(public.tcga_brca(server, 2, archive.url)) == 2


def test_what_is_not_there_is_an_error_at_once(archive, server, pauses, tmp_path):
    with pytest.raises(WsigenError, match="the server answers 404 Not Found; check the address"):
        server.fetch(RemoteFile(f"{archive.url}/data/gone", "gone.svs", 1, "0"), tmp_path)
    with pytest.raises(WsigenError, match="404"):
        public.her2st(server, f"{archive.url}/elsewhere")
    assert pauses == []


def test_nobody_there_is_an_error_in_one_line(server, archive, tmp_path):
    archive.server_close()
    with pytest.raises(WsigenError, match="failed 4 times"):
        server.json("http://127.0.0.1:9/files")


def test_names_that_lead_out_of_the_folder_are_refused():
    for name in ("../up.svs", "a/b.svs", ".hidden", ""):
        with pytest.raises(WsigenError, match="expected a plain name"):
            RemoteFile("http://x", name, 1, "0")


def test_a_disk_that_is_too_small_is_told_before(tmp_path):
    check_room(tmp_path / "not" / "yet", 1000)
    with pytest.raises(WsigenError, match=r"1e\+06 TB are to come and .* are free there"):
        check_room(tmp_path, 1e18)
    assert [readable(n) for n in (12, 1234, 999.7e6, 4.56e12)] == [
        "12 B",
        "1.23 kB",
        "1 GB",
        "4.56 TB",
    ]


def test_sections_are_unpacked_with_their_patient_scale_and_split(archive, server, tmp_path):
    archive.zip = sections(["images/HE/A1.jpg", "images/HE/B2.jpg", "images/annotation/A1.jpg"])
    files = public.her2st(server, archive.url)
    assert [file.name for file in files] == ["images.zip"]
    path = server.fetch(files[0], tmp_path)
    found = public.unpack_images(path, tmp_path)
    assert [p.read_bytes()[:16] for p in found] == [b"images/HE/A1.jpg", b"images/HE/B2.jpg"]
    rows = public.her2st_rows(found)
    assert [(r["case"], r["mpp"], r["split"]) for r in rows] == [
        ("her2st-A", "0.92", "train"),
        ("her2st-B", "0.686", "test"),
    ]


def test_an_encrypted_archive_says_what_it_needs(tmp_path, monkeypatch):
    path = tmp_path / "images.zip"
    path.write_bytes(sections(["images/HE/A1.jpg"], encrypted=True))
    with pytest.raises(WsigenError, match="is encrypted; give --password"):
        public.unpack_images(path, tmp_path)
    monkeypatch.setattr(public.shutil, "which", lambda name: None)
    with pytest.raises(WsigenError, match="check --password"):
        public.unpack_images(path, tmp_path, "wrong")


def test_a_fifth_of_the_patients_is_for_testing_and_stays_so_as_the_cohort_grows():
    files = [RemoteFile("u", f"{n}.svs", 1, "0", f"TCGA-{n // 2:04d}") for n in range(2000)]
    rows = public.tcga_rows(files)
    assert sum(row["split"] == "test" for row in rows) == pytest.approx(400, abs=80)
    assert public.tcga_rows(files[:10]) == rows[:10]
    assert all(a["split"] == b["split"] for a, b in zip(rows[::2], rows[1::2], strict=True))


def test_a_table_keeps_what_was_written_into_it_by_hand(tmp_path):
    rows = public.tcga_rows([RemoteFile("u", f"{n}.svs", 1, "0", f"p{n}") for n in range(3)])
    table = add_to_cohort(tmp_path, rows[:2])
    edited = table.read_text().replace("in the file", "measured anew", 1)
    table.write_text(edited)
    add_to_cohort(tmp_path, rows)
    assert table.read_text().startswith(edited)
    assert len(table.read_text().splitlines()) == 4
