#!/usr/bin/env bash
# diffusers' beta noise levels give images a sixth of their contrast in 20 steps, and half of it in 50.
#
# `use_beta_sigmas=True` spreads the noise levels by a beta distribution from the lowest to the highest, which here is
# 157: of 20 levels 19 are above 1, where next to nothing can be seen of images from -1 to 1, and the last steps are far
# too long. The paper that its documentation names spreads the times so, and not the levels. One expects images as good
# as without the option, or better, as "karras" and "exponential" make them. Other solvers go wrong by it too, some to
# too much contrast. Times of that distribution, handed on as `timesteps`, are right. The model is exact, its data a
# Gaussian.
# PyTorch's build for processors is meant: PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    diffusers==0.42.1 numpy==2.4.6 torch==2.13.0 filelock==4.2.11 fsspec==2026.9.0 jinja2==3.1.6 markupsafe==3.0.4 \
    mpmath==1.3.0 networkx==3.6.1 sympy==1.14.0 typing-extensions==4.16.0 huggingface-hub==2.4.0 packaging==26.4 \
    pyyaml==6.0.4 requests==2.34.2 regex==2026.11.19 safetensors==0.8.0 importlib-metadata==10.2.0 zipp==4.1.2 \
    pillow==13.0.0 tqdm==4.70.1 httpx2==2.16.2 httpcore2==2.16.2 idna==3.20 truststore==0.10.5 h11==0.16.0 \
    urllib3==2.8.0 certifi==2026.10.19.post1 scipy==1.17.1
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import torch
from diffusers import EulerDiscreteScheduler
from scipy.stats import beta

MEAN, SPREAD, NUMBER = 0.4, 0.3, 20_000  # of the data


def sampled(steps: int, timesteps: list[int] | None = None, **options: bool) -> tuple[float, int]:
    """Standard deviation of what is sampled with the exact noise, and how many levels of noise are above 1."""
    torch.manual_seed(0)
    scheduler = EulerDiscreteScheduler(beta_schedule="linear", **options)
    scheduler.set_timesteps(steps if timesteps is None else None, timesteps=timesteps)
    x = torch.randn(NUMBER, 1, 1, 1) * scheduler.init_noise_sigma
    for time, level in zip(scheduler.timesteps, scheduler.sigmas, strict=False):
        scheduler.scale_model_input(x, time)  # it is to be called; the model here takes what is not scaled
        noise = level * (x - MEAN) / (SPREAD**2 + level**2)
        x = scheduler.step(noise, time, x).prev_sample
    return round(float(x.double().std()), 2), int((scheduler.sigmas > 1).sum())


seen = {}
for steps in (20, 50, 100):
    times = np.rint(999 * beta.ppf(np.linspace(1, 0, steps), 0.6, 0.6)).astype(int)
    seen[steps] = {
        "without": sampled(steps),
        "karras": sampled(steps, use_karras_sigmas=True),
        "exponential": sampled(steps, use_exponential_sigmas=True),
        "beta": sampled(steps, use_beta_sigmas=True),
        "times": sampled(steps, timesteps=times.tolist()),
    }

expected = f"a spread near {SPREAD}, and the nearer the more steps"
recorded = {
    steps: dict(zip(seen[steps], values, strict=True))
    for steps, values in {
        20: ((0.24, 15), (0.25, 14), (0.27, 10), (0.05, 19), (0.26, 13)),
        50: ((0.28, 37), (0.28, 34), (0.29, 26), (0.16, 48), (0.28, 34)),
        100: ((0.29, 74), (0.29, 69), (0.29, 52), (0.23, 96), (0.29, 68)),
    }.items()
}
print("version:  diffusers", version("diffusers"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
