"""How does one seed become many? Every epoch and step gets its own, independent of what was drawn before."""

import numpy as np
import torch


def seed_of(*numbers: int) -> int:
    """A 63-bit seed, a well-mixed function of the numbers (all >= 0)."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def seed(device: torch.device, number: int) -> None:
    """Seed what draws numbers for a device: asking for all devices there may be takes a millisecond."""
    if device.type == "cpu":
        torch.default_generator.manual_seed(number)
    else:
        torch.manual_seed(number)
