#!/usr/bin/env bash
# diffusers' stochastic sampling of flow models makes images of 0.7 of the contrast, however many steps it takes.
#
# With `stochastic_sampling=True` the Euler scheduler replaces all of the noise in each step, so that what two images
# with the same noise level differ by is lost and not carried on; in the end half of the variance is left. It is made
# for models that were distilled to a few such steps. For others one expects what a stochastic sampler gives elsewhere:
# the data's own spread, the better the more steps. Here the model is exact, its data a Gaussian. Without the option it
# is right, and so is `DPMSolverMultistepScheduler` with "sde-dpmsolver++" and flow sigmas, which is stochastic too.
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

import torch
from diffusers import DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler

MEAN, SPREAD, NUMBER = 0.4, 0.3, 20_000  # of the data


def spread(scheduler: object, steps: int) -> float:
    """Standard deviation of what a scheduler samples with the exact velocities."""
    torch.manual_seed(0)
    scheduler.set_timesteps(steps)
    x = torch.randn(NUMBER, 1, 1, 1)
    for time in scheduler.timesteps:
        noise = float(time) / 1000
        share = 1 - noise
        apart = (x - share * MEAN) / (share**2 * SPREAD**2 + noise**2)
        velocity = noise * apart - (MEAN + share * SPREAD**2 * apart)  # the expected noise less the expected data
        x = scheduler.step(velocity, time, x).prev_sample
    return round(float(x.double().std()), 2)


KINDS = {
    "stochastic": lambda: FlowMatchEulerDiscreteScheduler(stochastic_sampling=True),
    "not": lambda: FlowMatchEulerDiscreteScheduler(),
    "sde-dpmsolver++": lambda: DPMSolverMultistepScheduler(
        algorithm_type="sde-dpmsolver++", prediction_type="flow_prediction", use_flow_sigmas=True
    ),
}
seen = {name: {steps: spread(kind(), steps) for steps in (50, 200, 800)} for name, kind in KINDS.items()}

expected = f"near {SPREAD}, and the nearer the more steps"
recorded = {
    "stochastic": {50: 0.2, 200: 0.21, 800: 0.21},
    "not": {50: 0.29, 200: 0.3, 800: 0.3},
    "sde-dpmsolver++": {50: 0.31, 200: 0.3, 800: 0.3},
}
print("version:  diffusers", version("diffusers"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
