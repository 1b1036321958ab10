"""What is to be drawn? Each module calls the layer, differentiates it, and returns arrays; nothing here draws."""
