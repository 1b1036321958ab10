"""What does one feature of a convolutional net do? One thing is varied, everything else held, several seeds each."""
