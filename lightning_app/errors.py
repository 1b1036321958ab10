"""What does the user see when something known goes wrong? One line, never a traceback."""


class AppError(Exception):
    """A failure with a message for the user: what was asked, what is allowed, what to do next."""

    exit_code = 1


class MisuseError(AppError):
    """A command line that cannot be understood."""

    exit_code = 2
