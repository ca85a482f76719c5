"""Draw the picture of the first page from the saved experiment zoom_path: one generated place at every scale.

    python book/figures/make_zoom.py

writes zoom.png beside this script, and make_zoom.json, which says what made it.
"""

import json
from pathlib import Path

from wsigen.experiments.result import load_result
from wsigen.plots.zoom import zoom_path
from wsigen.provenance import run_info

SIZE = 65_536


def main() -> None:
    """Draw it."""
    here = Path(__file__).parent
    result = load_result("zoom_path")
    row = next(row for row in result.rows if row["size"] == SIZE)
    images = [result.image(f"{SIZE}_{stage:02d}") for stage in range(row["stages"])]
    figure = zoom_path(images, row["mpps"], row["boxes"])
    figure.savefig(here / "zoom.png", dpi=110, metadata={"Software": None})
    run = run_info(model_sha256=result.parameters["model_sha256"])
    (here / "make_zoom.json").write_text(
        json.dumps({"figures": ["zoom"], "run": run}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
