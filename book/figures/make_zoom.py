"""Draw the picture of the first page: one place of a slide, made at every scale and nowhere else.

    python book/figures/make_zoom.py

writes zoom.jpg beside this script, and make_zoom.json, which says what made it. Takes a minute on two cores.
"""

from saving import save

from wsigen.coarse_to_fine import drain
from wsigen.models import DEFAULT_MODEL
from wsigen.plan import plan, stages
from wsigen.plots.zoom import zoom_path
from wsigen.training.checkpoint import load_denoiser
from wsigen.zoom.cone import cones
from wsigen.zoom.path import inner_boxes, pixels, zoom

SIZE, MPP = 32_768, 0.7
SEED, AT = 4, (0.27, 0.58)  # the place, from 0 (top, left) to 1


def main() -> None:
    """Draw it."""
    denoiser = load_denoiser(DEFAULT_MODEL)
    info = denoiser.info
    path = stages(SIZE, SIZE, MPP, patch_px=info.patch_px, mpp_max=info.mpp_max)
    painter = denoiser.painter(plan(denoiser.plan_name), seed=SEED)
    views = drain(zoom(cones(painter, path, (AT[0] * SIZE, AT[1] * SIZE))))
    images, mpps = [pixels(view) for view in views], [view.stage.mpp for view in views]
    figures = {"zoom": lambda: zoom_path(images, mpps, inner_boxes(views), columns=5)}
    save(__file__, figures, dpi=110, tissue=True, model=denoiser.name, model_sha256=denoiser.sha256)


if __name__ == "__main__":
    main()
