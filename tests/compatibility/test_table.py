import re
import subprocess
import sys

import pytest

from tests.compatibility.table import PAGE, ROOT, SILENT, Case, names, page, state

PLAIN = Case("theme", "row", "tests/test_it.py", "test_it")
FAILING = Case("theme", "row", "tests/test_it.py", "test_it", fails="no time")


@pytest.mark.slow  # collecting imports what all the rows' tests import
def test_the_page_says_what_the_tests_say():
    command = [sys.executable, "-m", "tests.compatibility.table", "--print"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert made == PAGE.read_text(), "run `make compatibility`"
    assert made.count("| works") > 50


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ([PLAIN], "works"),
        ([PLAIN, PLAIN], "works (2 cases)"),
        ([FAILING], "**strict xfail**: no time"),
        ([FAILING, FAILING], "**strict xfail**: no time (2)"),
        ([PLAIN, FAILING], "1 of 2 cases work; **strict xfail**: no time (1)"),
        ([Case(*PLAIN.__dict__.values())], "works"),
        (
            [Case("theme", "row", "tests/test_it.py", "test_it", needs="there is no GPU")],
            "works, not run where there is no GPU",
        ),
    ],
)
def test_the_state_of_a_row(cases, said):
    assert state(cases) == said


def test_every_row_stands_in_the_table_of_its_theme():
    cases = [Case("B", "two", "tests/b.py", "test_b"), Case("A", "one | 1", "tests/a.py", "test_a"), PLAIN]
    assert re.findall(r"^(?:## |\| )(.*)", page(cases), re.MULTILINE) == [
        *("A", "| state | test |", "one \\| 1 | works | [test_a](../tests/a.py) |"),
        *("B", "| state | test |", "two | works | [test_b](../tests/b.py) |"),
        *("theme", "| state | test |", "row | works | [test_it](../tests/test_it.py) |"),
    ]


def test_a_test_that_may_skip_itself_is_found_out():
    assert SILENT & names(lambda: pytest.skip("no time"))
    assert not SILENT & names(test_the_page_says_what_the_tests_say)
