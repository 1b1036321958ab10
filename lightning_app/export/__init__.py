"""How does a trained network leave Python? As one HTML file that draws, computes and explains by itself."""
