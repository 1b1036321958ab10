"""What can be seen in the first five minutes? Training, agreement with torch.nn, six pictures, what to try next."""
