"""What came out of one run, or of several? One page with every picture inside."""
