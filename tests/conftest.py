"""Every run draws the same examples, and none fails for being slow. ``--hypothesis-profile=search`` draws others."""

import torch
from hypothesis import HealthCheck, settings

settings.register_profile(
    "same_every_time", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same_every_time")
torch.set_num_threads(1)  # the tests' tensors are small
