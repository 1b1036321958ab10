"""How is it drawn? Each module turns what was measured into marks."""
