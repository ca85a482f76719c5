"""wsigen info, convert and phantom, as a user runs them."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from server_kit import HEED_CTRL_C, PATIENCE_S, wait_until

# One process for many calls: main() is what the entry point runs, here with its words given.
from wsigen.cli.main import main
from wsigen.slides import open_slide, read_description, write_pyramid


@pytest.fixture
def wsigen(monkeypatch, capfd):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["wsigen", *map(str, words)])
        with pytest.raises(SystemExit) as done:
            main()
        out, err = capfd.readouterr()
        return done.value.code or 0, out, err

    return run


@pytest.fixture
def pixels():
    rows, columns = np.mgrid[:300, :400]
    return np.stack([rows % 256, columns % 256, (rows + columns) % 256], -1).astype(np.uint8)


@pytest.fixture
def slide(tmp_path, pixels):
    path = tmp_path / "slide.tiff"
    write_pyramid(path, pixels, 0.5)
    return path


def test_info_describes_a_slide(wsigen, slide):
    code, out, _ = wsigen("info", slide)
    assert code == 0
    assert "400 x 300 px, 0.2 x 0.15 mm" in out
    assert "0.5 um/px" in out
    assert "2: 400 x 300, 200 x 150" in out
    assert "SYNTHETIC" not in out


def test_info_as_json_has_everything(wsigen, slide):
    code, out, _ = wsigen("info", slide, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["levels"] == [[300, 400], [150, 200]]
    assert found["format"] == "generic-tiff"
    assert found["mpp"] == pytest.approx(0.5)
    assert 0 <= found["tissue_fraction"] <= 1
    assert found["description"] is None


def test_info_says_how_a_synthetic_slide_was_made(wsigen, tmp_path, pixels):
    ledger = [{"evaluations": 8, "seconds": 1.5}, {"evaluations": 32, "seconds": 4.5}]
    made = {
        "SYNTHETIC": True,
        "generator": "wsigen 0.1.0",
        "model": "stained",
        "model_sha256": "ab" * 32,
        "seed": 7,
        "plan": {"num_steps": 8, "guided_steps": 4},
        "ledger": ledger,
    }
    write_pyramid(tmp_path / "made.tiff", pixels, 0.7, description=made)
    code, out, _ = wsigen("info", tmp_path / "made.tiff")
    assert code == 0
    for word in ("SYNTHETIC", "wsigen 0.1.0", "stained", "ab" * 32, "num_steps 8", "40 in 6 s"):
        assert word in out
    _, out, _ = wsigen("info", tmp_path / "made.tiff", "--json")
    assert json.loads(out)["description"] == made


def test_info_reads_the_header_of_a_checkpoint(wsigen, tmp_path):
    from safetensors.numpy import save_file

    header = {"format": "wsigen-denoiser-1", "sigma_data": "0.5", "network": '{"widths": [16, 32]}'}
    tensors = {"a": np.zeros((3, 5), np.float32), "b": np.zeros(7, np.float32)}
    save_file(tensors, tmp_path / "model.safetensors", metadata=header)
    code, out, _ = wsigen("info", tmp_path / "model.safetensors", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["parameters"] == 22
    assert found["sigma_data"] == 0.5
    assert found["network"] == {"widths": [16, 32]}
    code, out, _ = wsigen("info", tmp_path / "model.safetensors")
    assert "widths 16, 32" in out


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_convert_makes_a_plain_image_a_slide(wsigen, tmp_path, pixels, suffix):
    Image.fromarray(pixels).save(tmp_path / f"image.{suffix}", quality=100)
    code, out, _ = wsigen(
        "convert", tmp_path / f"image.{suffix}", tmp_path / "o.tiff", "--mpp", 0.686
    )
    assert code == 0
    assert "400 x 300 px at 0.686 um/px" in out
    with open_slide(tmp_path / "o.tiff") as slide:
        assert slide.mpp == pytest.approx(0.686, rel=1e-4)
        assert np.abs(slide.read(0, 0, 300, 400).astype(int) - pixels).mean() < 4


@pytest.mark.parametrize(
    ("mode", "expected"), [("L", (90, 90, 90)), ("I;16", (90, 90, 90)), ("RGBA", (255, 255, 255))]
)
def test_convert_makes_grey_deep_and_clear_images_rgb(wsigen, tmp_path, mode, expected):
    fill = {"L": 90, "I;16": 90 * 257, "RGBA": (1, 2, 3, 0)}[mode]
    Image.new(mode, (70, 50), fill).save(tmp_path / "image.png")
    code, _, err = wsigen("convert", tmp_path / "image.png", tmp_path / "o.tiff", "--mpp", 1)
    assert (code, err) == (0, "")
    with open_slide(tmp_path / "o.tiff") as slide:
        inner = slide.read(0, 0, 50, 70)[:48, :64]  # at the rim JPEG rings a little
        assert np.abs(inner - np.array(expected)).max() <= 3


def test_convert_takes_the_scale_from_a_slide_or_from_the_user(wsigen, tmp_path, slide):
    assert wsigen("convert", slide, tmp_path / "same.tiff")[0] == 0
    assert wsigen("convert", slide, tmp_path / "told.tiff", "--mpp", 0.25, "--tile-px", 128)[0] == 0
    with open_slide(tmp_path / "same.tiff") as same, open_slide(tmp_path / "told.tiff") as told:
        assert same.mpp == pytest.approx(0.5)
        assert told.mpp == pytest.approx(0.25)
        assert (same.height, same.width) == (told.height, told.width) == (300, 400)
        assert len(told.levels) == 3


def test_convert_believes_the_resolution_of_an_image_but_no_printers(wsigen, tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "fine.png", dpi=(50800, 50800))
    Image.fromarray(pixels).save(tmp_path / "print.png", dpi=(300, 300))
    code, out, _ = wsigen("convert", tmp_path / "fine.png", tmp_path / "fine.tiff")
    assert code == 0
    assert "0.5 um/px" in out
    code, _, err = wsigen("convert", tmp_path / "print.png", tmp_path / "print.tiff")
    assert code == 2
    assert "--mpp" in err


def test_convert_keeps_what_exists_unless_told_otherwise(wsigen, tmp_path, slide):
    out = tmp_path / "out.tiff"
    out.write_text("precious")
    code, _, err = wsigen("convert", slide, out)
    assert code == 2
    assert "--overwrite" in err
    assert out.read_text() == "precious"
    assert wsigen("convert", slide, out, "--overwrite")[0] == 0
    assert read_description(out) is None
    before = out.read_bytes()
    code, _, err = wsigen("convert", out, out, "--overwrite")
    assert (code, out.read_bytes()) == (2, before)
    assert "named twice" in err


def test_convert_keeps_that_a_slide_is_synthetic_and_nothing_that_a_scanner_says(
    wsigen, tmp_path, pixels
):
    made = {"SYNTHETIC": True, "generator": "wsigen", "seed": 3, "mpp": 0.5}
    for name, said in (("made", made), ("scanned", {"patient": "somebody"})):
        write_pyramid(tmp_path / f"{name}.tiff", pixels, 0.5, description=said)
        assert (
            wsigen("convert", tmp_path / f"{name}.tiff", tmp_path / f"{name}_2.tiff", "--mpp", 2)[0]
            == 0
        )
    assert read_description(tmp_path / "made_2.tiff") == made | {"mpp": 2}
    assert read_description(tmp_path / "scanned_2.tiff") is None


@pytest.mark.parametrize("side", [0, 24, 1 << 16])
def test_convert_refuses_tiles_that_no_reader_has(wsigen, tmp_path, slide, side):
    code, _, err = wsigen("convert", slide, tmp_path / "o.tiff", "--tile-px", side)
    assert code == 2
    assert "multiple of 16 up to 32768" in err


def broken(folder, kind, pixels):
    """A file of one kind of trouble."""
    if kind == "missing":
        return folder / "nothing.tiff"
    if kind == "note":
        path = folder / "note.tiff"
        path.write_text("this is no slide")
    elif kind == "empty":
        path = folder / "empty.svs"
        path.touch()
    elif kind == "folder":
        path = folder / "folder.tiff"
        path.mkdir()
    elif kind == "scaleless":
        path = folder / "scaleless.png"
        Image.fromarray(pixels).save(path)
    else:
        whole = folder / f"whole.{kind}"
        if kind == "tiff":
            write_pyramid(whole, pixels, 0.5)
        else:
            Image.fromarray(pixels).save(whole, dpi=(50800, 50800))
        path = folder / f"cut.{kind}"
        path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
        whole.unlink()
    return path


@pytest.mark.parametrize(
    "kind", ["missing", "note", "empty", "folder", "scaleless", "tiff", "png", "jpg"]
)
@pytest.mark.parametrize("verb", ["info", "convert"])
def test_a_file_that_cannot_be_used_is_told_in_one_line_and_leaves_nothing(
    wsigen, tmp_path, pixels, verb, kind
):
    path = broken(tmp_path, kind, pixels)
    before = sorted(tmp_path.iterdir())
    words = [tmp_path / "out.tiff"] if verb == "convert" else []
    code, _, err = wsigen(verb, path, *words)
    assert code == 2
    assert err.startswith("wsigen: error: ")
    assert len(err.splitlines()) == 1, err
    assert path.name in err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("content", [None, b"", b"\x10\0\0\0\0\0\0\0{}"])
def test_a_damaged_checkpoint_is_told_in_one_line(wsigen, tmp_path, content):
    path = tmp_path / "model.safetensors"
    if content is not None:
        path.write_bytes(content)
    code, _, err = wsigen("info", path)
    assert code == 2
    assert len(err.splitlines()) == 1


def test_phantom_makes_a_cohort_and_refuses_a_full_folder(wsigen, tmp_path):
    folder = tmp_path / "cohort"
    words = ("phantom", folder, "--slides", 2, "--size", 64)
    code, out, err = wsigen(*words)
    assert (code, err) == (0, "")
    assert "2 slides of 64 x 64 px" in out
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["cohort.csv", "phantom_000.tiff", "phantom_001.tiff"]
    code, _, err = wsigen(*words)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "--overwrite" in err
    assert wsigen(*words, "--overwrite")[0] == 0
    assert "SYNTHETIC" in wsigen("info", folder / "phantom_000.tiff")[1]


def test_phantom_of_nothing_is_told_in_one_line(wsigen, tmp_path):
    code, _, err = wsigen("phantom", tmp_path / "cohort", "--slides", 0)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_in_one_line(wsigen, slide, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "replace", full)
    code, _, err = wsigen("convert", slide, tmp_path / "out.tiff")
    assert code == 2
    assert "disk is full" in err
    assert list(tmp_path.iterdir()) == [slide]


@pytest.mark.parametrize("verb", ["info", "convert", "phantom"])
def test_help_shows_examples(wsigen, verb):
    code, out, _ = wsigen(verb, "--help")
    assert code == 0
    assert "Examples:" in out


def test_help_and_version_and_a_wrong_verb(wsigen):
    from wsigen import __version__
    from wsigen.cli.main import VERBS

    code, out, _ = wsigen("--help")
    assert code == 0
    assert all(f"\n  {verb} " in out for verb in VERBS)
    assert __version__ in wsigen("--version")[1]
    code, _, err = wsigen("inform")
    assert code == 2
    assert "inform" in err


def test_slide_verbs_run_without_torch(slide):
    code = (
        "import sys; from wsigen.cli.main import wsigen\n"
        f"wsigen.main(['info', {str(slide)!r}], standalone_mode=False)\n"
        "import wsigen.cli.convert, wsigen.cli.phantom, wsigen.phantom.slide\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=PATIENCE_S).returncode == 0


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_with_one_line_and_leaves_nothing(tmp_path, asked):
    command = [sys.executable, "-m", "wsigen", "phantom", str(tmp_path / "cohort")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=HEED_CTRL_C)
    wait_until(lambda: any(tmp_path.glob("cohort/.*part")))
    process.send_signal(asked)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert err.strip() == "wsigen: interrupted"
    assert list(tmp_path.iterdir()) == []


def test_info_knows_a_shipped_model_by_its_name_and_that_it_has_a_student(wsigen):
    code, out, _ = wsigen("info", "small-3", "--json")
    model = json.loads(out)
    assert code == 0
    assert model["patch_px"] == 64
    code, out, _ = wsigen("info", model["student"], "--json")
    student = json.loads(out)
    assert (code, student["format"]) == (0, "wsigen-student-1")
    assert student["styles"] > 1
    code, _, err = wsigen("info", "small-9")
    assert code == 2
    assert "small-9" in err
