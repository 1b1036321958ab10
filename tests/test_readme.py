import re
from pathlib import Path

import pytest

from scratchlayers import registry

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def test_python_blocks_print_what_they_say(capsys):
    """The blocks build on each other, as a reader types them; the text block after one is what it prints."""
    blocks = BLOCK.findall(README)
    names = {}
    run = 0
    for index, (language, text) in enumerate(blocks):
        if language != "python":
            continue
        exec(compile(text, f"README.md, block {index}", "exec"), names)
        printed = capsys.readouterr().out
        following = blocks[index + 1] if index + 1 < len(blocks) else ("", "")
        expected = following[1] if following[0] == "text" else ""
        assert [line.rstrip() for line in printed.splitlines()] == expected.splitlines()
        run += 1
    assert run >= 6
    registry.unregister("tiles")


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!http)([^)#]+)\)", README))))
def test_links_lead_somewhere(target):
    assert (ROOT / target).exists()


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:scratchlayers|lightning_app|configs|tests)/[\w./]+)`", README)))
)
def test_named_files_exist(path):
    assert (ROOT / path).exists()


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert f"\n{target}:" in makefile
