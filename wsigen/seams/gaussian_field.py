"""A random field whose optimal denoiser is known in closed form: the Wiener filter.

A stationary Gaussian field z with mean m and covariance C, seen as x = z + sigma n, is expected to be

    D(x; sigma) = m + C (C + sigma^2 I)^-1 (x - m)

In a basis of eigenvectors of C, with variances v, each coefficient shrinks by v / (v + sigma^2), and the
probability-flow ODE of Eq. 3 multiplies it by sqrt((v + sigma'^2) / (v + sigma^2)) from sigma to sigma'. On a plane
that goes on at its other edge (a torus) the eigenvectors are Fourier waves and v is the power spectrum, here that of
Matern's covariance (Matern 1960; nu = 1 is Whittle's of 1954),

    S(f) = c (1 + (2 pi length |f|)^2)^-(nu + d / 2)

A patch sees a part of the field only. Its best denoiser has the same form with the patch's own dense covariance,
whose eigenvectors are no waves: it knows nothing of what lies outside. What patch-wise sampling loses against whole
images is the difference between these two, and nothing else: both are exact.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from wsigen.arrays import Images
from wsigen.errors import WsigenError
from wsigen.seeds import white_noise

LARGEST_PATCH = 32  # its covariance is a matrix of 1024 x 1024

# H&E of breast at 1.4 um/px, in -1 to 1: the mean colour, and along the axes below (brightness, stain against stain,
# the rest) the standard deviations. Numbers of five sections of HER2ST.
MEAN = (0.20, 0.15, 0.44)
AXES = ((0.679, 0.583, 0.446), (-0.658, 0.215, 0.721), (0.325, -0.783, 0.530))
STD = (0.714, 0.070, 0.046)


@dataclass(frozen=True)
class GaussianField:
    """Images of a stationary Gaussian field on a torus, shape (3, height, width).

    Args:
        height, width: of the torus.
        length_px: correlation length; 3.5 px has the neighbour correlations of H&E at 1.4 um/px.
        smoothness: nu.
        dimensions: 2, or 1 for a field whose rows are independent of each other.
        std: standard deviations of the three independent colours.
        mean: red, green and blue, -1 to 1.
    """

    height: int
    width: int
    length_px: float = 3.5
    smoothness: float = 1.0
    dimensions: int = 2
    std: tuple[float, float, float] = STD
    mean: tuple[float, float, float] = MEAN

    @cached_property
    def spectrum(self) -> NDArray[np.float64]:
        """S by frequency as numpy.fft.fft2 orders it, shape (height, width); its mean, the variance, is 1."""
        down = np.fft.fftfreq(self.height)[:, None] if self.dimensions == 2 else np.zeros((1, 1))
        squared = np.broadcast_to(
            down**2 + np.fft.fftfreq(self.width) ** 2, (self.height, self.width)
        )
        power = (1 + (2 * math.pi * self.length_px) ** 2 * squared) ** -(
            self.smoothness + self.dimensions / 2
        )
        return power / power.mean()

    @cached_property
    def correlation(self) -> NDArray[np.float64]:
        """Correlation of pixels that far down and right of each other, shape (height, width)."""
        return np.fft.ifft2(self.spectrum).real

    def covariance(self, height: int, width: int) -> NDArray[np.float64]:
        """C of a patch in row-major order, for a colour of variance one, (height * width, height * width)."""
        down, right = (n.ravel() for n in np.indices((height, width)))
        return self.correlation[
            (down[:, None] - down) % self.height, (right[:, None] - right) % self.width
        ]

    def whole_denoiser(self) -> "FieldDenoiser":
        """The best denoiser of whole images: Wiener's filter, in Fourier waves."""
        return FieldDenoiser(self, _Waves(self.spectrum))

    def patch_denoiser(self, height: int, width: int) -> "FieldDenoiser":
        """The best denoiser of patches that are all one sees: Wiener's filter, in their own eigenvectors."""
        longest = width if self.dimensions == 1 else max(height, width)
        if longest > LARGEST_PATCH or height > self.height or width > self.width:
            raise WsigenError(
                f"patches of {height} x {width} px in a field of {self.height} x {self.width}; expected at most "
                f"the field's size and {LARGEST_PATCH} px a side, since the covariance is a dense matrix"
            )
        if self.dimensions == 1:  # every row for itself
            return FieldDenoiser(self, _Rows(self.covariance(1, width), height))
        return FieldDenoiser(self, _Eigenvectors(self.covariance(height, width), (height, width)))

    def draw(self, seed: int, *path: str | int) -> Float[Tensor, "3 height width"]:
        """Draw an image: white noise, each wave scaled by the root of its power."""
        noise = white_noise(seed, *path, top=0, left=0, height=self.height, width=self.width)
        waves = np.fft.fft2(noise.astype(np.float64)) * np.sqrt(self.spectrum)
        fields = np.fft.ifft2(waves).real * np.reshape(self.std, (3, 1, 1))
        colours = torch.einsum("ca,chw->ahw", _axes(), torch.from_numpy(fields))
        return (colours + torch.tensor(self.mean)[:, None, None]).float()


def _axes() -> Tensor:
    """The three colour axes as rows, orthonormal to the last digit."""
    q, r = torch.linalg.qr(torch.tensor(AXES, dtype=torch.float64).T)
    return (q * r.diagonal().sign()).T


class _Basis(Protocol):
    """Orthonormal eigenvectors of C: their variances (n,), and images as coefficients (batch, 3, n) and back."""

    variances: Tensor
    shape: tuple[int, int]

    def forward(self, x: Tensor) -> Tensor: ...

    def back(self, coefficients: Tensor) -> Tensor: ...


class _Waves:
    def __init__(self, spectrum: NDArray[np.float64]) -> None:
        self.variances = torch.from_numpy(spectrum.ravel())
        self.shape = (spectrum.shape[0], spectrum.shape[1])

    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.fft2(x, norm="ortho").flatten(2)

    def back(self, coefficients: Tensor) -> Tensor:
        return torch.fft.ifft2(coefficients.unflatten(2, self.shape), norm="ortho").real


class _Eigenvectors:
    def __init__(self, covariance: NDArray[np.float64], shape: tuple[int, int]) -> None:
        variances, vectors = np.linalg.eigh(covariance)
        self.variances = torch.from_numpy(np.maximum(variances, 0))
        self.vectors = torch.from_numpy(vectors)
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2) @ self.vectors

    def back(self, coefficients: Tensor) -> Tensor:
        return (coefficients @ self.vectors.T).unflatten(2, self.shape)


class _Rows:
    """The eigenvectors of one row, for each of them."""

    def __init__(self, covariance: NDArray[np.float64], rows: int) -> None:
        self._row = _Eigenvectors(covariance, (1, len(covariance)))
        self.variances = self._row.variances.repeat(rows)
        self.shape = (rows, len(covariance))

    def forward(self, x: Tensor) -> Tensor:
        return (x @ self._row.vectors).flatten(2)

    def back(self, coefficients: Tensor) -> Tensor:
        return coefficients.unflatten(2, self.shape) @ self._row.vectors.T


class FieldDenoiser:
    """D of a Gaussian field, in double precision; see :class:`wsigen.arrays.Denoiser`. It takes any ``mpp``."""

    def __init__(self, field: GaussianField, basis: _Basis) -> None:
        self._basis = basis
        self._mean = torch.tensor(field.mean, dtype=torch.float64)[:, None, None]
        self._axes = _axes()
        colours = torch.tensor(field.std, dtype=torch.float64) ** 2
        self._variances = colours[:, None] * basis.variances

    def __call__(self, x: Images, sigma: Tensor | float, mpp: Tensor | float) -> Images:
        """Return the expected clean images: each coefficient shrinks by v / (v + sigma^2)."""
        squared = torch.as_tensor(sigma, dtype=torch.float64).reshape(-1, 1, 1) ** 2
        return self._scaled(x, self._variances / (self._variances + squared))

    def path(self, x: Images, sigma: float, sigma_next: float) -> Images:
        """Follow the probability-flow ODE from one noise level to another, exactly."""
        ratio = (self._variances + sigma_next**2) / (self._variances + sigma**2)
        return self._scaled(x, ratio.sqrt())

    def _scaled(self, x: Images, factors: Tensor) -> Images:
        """Multiply the coefficients of x - m, (batch, 3, n)."""
        if x.shape[2:] != self._basis.shape:
            raise WsigenError(
                f"images of {x.shape[2]} x {x.shape[3]} px; expected "
                f"{self._basis.shape[0]} x {self._basis.shape[1]} px, for which this denoiser was made"
            )
        colours = torch.einsum("ca,bahw->bchw", self._axes, x.double() - self._mean)
        scaled = self._basis.back(self._basis.forward(colours) * factors)
        return (torch.einsum("ca,bchw->bahw", self._axes, scaled) + self._mean).to(x.dtype)
