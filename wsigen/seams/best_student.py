"""What the best possible student would leave of seams: its steps on a Gaussian line, as exact matrices.

A line z of covariance C is known by its guide g = A z + sigma_g n_g. A student that sees the patch W of it, and is told
g there, can do no better than to draw from what this says of the patch,

    z_W | g_W ~ N(K g_W, P),    K = C_W A^T (A C_W A^T + sigma_g^2 I)^-1,    P = C_W - K A C_W

It makes that of noise in one evaluation, and again of its own estimate under fresh noise. Both are exact transport:

    first step    u' = K g + P^1/2 n
    each later    u' = K g + P^1/2 (P + sigma^2 I)^-1/2 (u + sigma n - K g)

Within a patch of the first step the law is exact. What is left are borders: the grid of each later step lies half a
patch away, and all that is wrong is that a patch knows nothing of what lies outside.
"""

from collections.abc import Sequence

import numpy as np

from wsigen.errors import WsigenError
from wsigen.runs.fade import ramp
from wsigen.seams.exact import STD, Law
from wsigen.seams.gaussian_field import GaussianField


def best_student(
    sigmas: Sequence[float] = (0.3,),
    *,
    patch_px: int = 64,
    margin_px: int = 0,
    guide_sigma: float = 0.15,
    length_px: float = 3.5,
    patches: int = 4,
) -> Law:
    """The law of the lines that the best student makes, on a line whose ends meet, magnified by 2.

    Borders of the last grid lie at 0 and at every ``patch_px`` less its margins; each step before has them half as far.

    Args:
        sigmas: noise levels of the steps after the first; none for a student of one evaluation.
        patch_px: side of a patch, margins included.
        margin_px: pixels at each end of a patch that are looked at, and left to the patch beside it to write; in the
            last step both fade into each other over half of it, as in `wsigen.runs.fade`. Every step looks at all of
            it.
        guide_sigma: sigma_g, noise of the guide.
        length_px: correlation length.
        patches: how many make a line.
    """
    written = patch_px - 2 * margin_px
    length = patches * written
    if written < 4 or written % 4 or margin_px % 2 or patch_px > length:
        raise WsigenError(
            f"patches of {patch_px} px with margins of {margin_px} px, {patches} to a line; expected even margins that "
            "leave a multiple of 4 px to write, and a line no shorter than a patch"
        )
    true = STD**2 * GaussianField(1, length, length_px, dimensions=1).covariance(1, length)
    average = np.kron(np.eye(length // 2), [[0.5, 0.5]])
    shared = average @ true  # of guide and line
    guides = shared @ average.T + guide_sigma**2 * np.eye(length // 2)

    seen, told = slice(0, patch_px), slice(0, patch_px // 2)  # every patch is like the first
    gain = np.linalg.solve(guides[told, told], shared[told, seen]).T
    variances, vectors = np.linalg.eigh(true[seen, seen] - gain @ shared[told, seen])
    variances = np.maximum(variances, 0)

    noises, fading = np.eye(length), margin_px // 2
    weights = ramp(written, fading, True, True).numpy()[:, None]
    # columns: the guide, then the noise of each step
    made = np.zeros((length, length // 2 + (1 + len(sigmas)) * length))
    for step, sigma in enumerate((None, *sigmas)):
        kept = 1 if sigma is None else 1 / (variances + sigma**2)
        transport = (vectors * np.sqrt(variances * kept)) @ vectors.T
        x = made.copy()
        x[:, length // 2 + step * length :][:, :length] = (sigma or 1) * noises
        shift = (len(sigmas) - step) * (written // 2)
        fades = margin_px > 0 and step == len(sigmas)
        if fades:
            made = np.zeros_like(made)
        for left in range(shift, shift + length, written):
            place = (left - margin_px + np.arange(patch_px)) % length
            mean = np.zeros((patch_px, x.shape[1]))
            mean[:, place[::2] // 2] = gain
            drawn = mean + transport @ (x[place] - (0 if sigma is None else mean))
            own = slice(margin_px, patch_px - margin_px)
            near = slice(margin_px - fading, patch_px - margin_px + fading)
            if fades:
                made[place[near]] += weights * drawn[near]
            else:
                made[place[own]] = drawn[own]
    of_guide, of_noise = made[:, : length // 2], made[:, length // 2 :]
    return Law(of_guide @ guides @ of_guide.T + of_noise @ of_noise.T, true)
