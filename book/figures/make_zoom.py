"""Draw the picture of the first page from the saved experiment zoom_path: one generated place at every scale.

    python book/figures/make_zoom.py

writes zoom.jpg beside this script, and make_zoom.json, which says what made it.
"""

from saving import save

from wsigen.experiments.result import load_result
from wsigen.plots.zoom import zoom_path

SIZE = 65_536


def main() -> None:
    """Draw it."""
    result = load_result("zoom_path")
    row = next(row for row in result.rows if row["size"] == SIZE)
    images = [result.image(f"{SIZE}_{stage:02d}") for stage in range(row["stages"])]
    figures = {"zoom": lambda: zoom_path(images, row["mpps"], row["boxes"])}
    save(__file__, figures, dpi=110, tissue=True, model_sha256=result.parameters["model_sha256"])


if __name__ == "__main__":
    main()
