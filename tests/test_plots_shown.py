import base64

from matplotlib.figure import Figure

from wsigen.plots.shown import show


def test_a_notebook_gets_the_file_and_its_alt_text(tmp_path):
    shown = show(tmp_path / "out", Figure(figsize=(1, 1)), "empty", "Nothing at all.")
    data, metadata = shown._repr_mimebundle_(include=None, exclude=None)
    assert base64.b64decode(data["image/png"]) == (tmp_path / "out" / "empty.png").read_bytes()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert repr(shown) == "Shown('empty.png')"
    assert metadata == {"image/png": {"alt": "Nothing at all."}}
