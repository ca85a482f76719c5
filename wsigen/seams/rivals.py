"""Grid-shift and its rivals by name, in the order in which tables show them."""

from wsigen.errors import WsigenError
from wsigen.seams.blend import Blend
from wsigen.seams.grid_shift import FixedGrid, GridShift
from wsigen.seams.mask_shift import MaskShift
from wsigen.seams.multidiffusion import MultiDiffusion
from wsigen.seams.scheme import Scheme

RIVALS: dict[str, Scheme] = {
    "grid-shift": GridShift(),
    "SpotDiffusion": GridShift("wrap"),
    "fixed grid": FixedGrid(),
    "overlap and blend": Blend(),
    "mask-shift": MaskShift(),
    "MultiDiffusion flat 1/2": MultiDiffusion(2, "flat"),
    "MultiDiffusion Gaussian 1/2": MultiDiffusion(2, "gaussian"),
    "MultiDiffusion flat 1/4": MultiDiffusion(4, "flat"),
    "MultiDiffusion Gaussian 1/4": MultiDiffusion(4, "gaussian"),
}


def rival(name: str) -> Scheme:
    """Return a scheme by its name."""
    if name not in RIVALS:
        raise WsigenError(f"no scheme {name!r}; expected one of {', '.join(RIVALS)}")
    return RIVALS[name]
