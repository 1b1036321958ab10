"""Does a network of hand-written layers learn? Trains, tests and applies one; ``python -m lightning_app --help``."""
