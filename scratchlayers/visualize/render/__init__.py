"""How does a picture become a file? One module a format; none knows what it draws."""
