"""How does a trained network come to its answer about one picture? Step by step, every number from its own layers."""
