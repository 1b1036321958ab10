"""How does a run look? Two pictures by matplotlib, which nothing else here needs: import their modules when drawing."""


def check_available() -> None:
    """Raise ValueError, with what to do, if there is no matplotlib."""
    try:
        import matplotlib  # noqa: F401 whether it is there is the question
    except ImportError as why:
        raise ValueError("the pictures of --output need matplotlib: pip install 'scratchlayers[viz]'") from why
