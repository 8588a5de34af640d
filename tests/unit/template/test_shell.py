"""Command lines: a value is one word wherever the template lets it stand, or it may not stand."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor.template import TemplateError, TemplateValueError
from supervisor.template.interpolation import Locator, parse_text
from supervisor.template.shell import Context, misplaced, quoted
from supervisor.template.text import Mark
from tests.unit.template.samples import rendered

SHELLS = [shell for shell in (["/bin/sh"], ["bash", "--posix"], ["bash"]) if shutil.which(shell[0])]
PIECES = st.sampled_from(
    [
        *"'\"\\`#<(){};&|$ x\n", "$(", "((", "$[", "${x:", "))", "$'", "$((", "${x:-",
        "<<x", "<<-'x'", "echo ", "\nx\n", "x=", "case x in ", ") ", ";;", "esac", "[[ ", " ]]",
        "!", "*", "$x", "$#", "${#x}",
    ]
)  # fmt: skip
ATTACK = "printf %s%s PW NED"
VALUES = [
    f"'; {ATTACK}; '",
    f'"; {ATTACK}; "',
    f"\n{ATTACK}\n",
    f"`{ATTACK}`",
    f"$({ATTACK})",
    f"\\'`{ATTACK}`",
    f"x\nx\n{ATTACK}\n#",
    f"a[$({ATTACK})]",
    f"); {ATTACK}; (",
    f"' ; {ATTACK} #\\",
    f"}}; {ATTACK}; {{",
    f";; *) {ATTACK} ;; x)",
    f"\\'; {ATTACK}; \\'",
]


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(PIECES, max_size=6), st.lists(PIECES, max_size=6), st.sampled_from(VALUES))
def test_accepted_value_is_never_executed(
    tmp_path: Path, before: list[str], after: list[str], value: str
) -> None:
    """Around any quoting: the template is refused, or real shells run nothing of the value."""
    literal = ["".join(part).replace("$", "$$") for part in (before, after)]
    line = literal[0] + "${start.params.v}" + literal[1]
    head = "image: fx/x\nparams: {v: {type: string, required: true}}\ncommand: "
    try:
        command = rendered(head + json.dumps(line), {"v": value}).command
    except (TemplateError, TemplateValueError):
        return
    assert isinstance(command, str)
    for shell in SHELLS:
        answer = subprocess.run(  # noqa: S603
            [*shell, "-c", command],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            cwd=tmp_path,
            timeout=20,
            check=False,
        )
        assert b"PWNED" not in answer.stdout + answer.stderr, (shell, command)


@pytest.mark.parametrize("value", ["A=b", "then", "a,b", "", "~", "*", "a b", "'", "\\", "\n"])
@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_word_is_never_taken_for_anything_else(value: str, shell: list[str]) -> None:
    """Assignments, keywords, patterns and lists are one word when they come from a value."""
    word = quoted(value)
    for line, output in [
        (f"f() {{ echo $#; }}; f {word}", b"1\n"),
        (f"f() {{ echo $#; }}; f {{x{word}}}", b"1\n"),
        (f"{word} env 2>&-", b""),
    ]:
        answer = subprocess.run([*shell, "-c", line], capture_output=True, check=False)  # noqa: S603
        assert answer.stdout == output


@pytest.mark.parametrize(
    ("line", "context"),
    [
        ("a ${user.name} b", None),
        ("a --b=${user.name}", None),
        ("'a'\"b\"${user.name}", None),
        ("a\\\\${user.name}", None),
        ("echo $$(a ${user.name})", None),
        ("# it's a comment\n a ${user.name}", None),
        ("a#'b' ${user.name}", None),
        ("'${start.command}' ${user.name}", None),
        ("a '${user.name}'", Context.SINGLE),
        ('a "b ${user.name}"', Context.DOUBLE),
        ('a "b\\" ${user.name}"', Context.DOUBLE),
        ("a \\${user.name}", Context.ESCAPED),
        ("a `b ${user.name}`", Context.BACKTICK),
        ("a # ${user.name}", Context.COMMENT),
        ("a <<E\n${user.name}\nE", Context.HERE_DOCUMENT),
        ("a $$((1 + ${user.name}))", Context.ARITHMETIC),
        ("a $$'b' ${user.name}", Context.ANSI_QUOTES),
        ("a $${b:${user.name}}", Context.NESTED),
        ("a $$[${user.name}]", Context.NESTED),
        ('a "$$(b "${user.name}")"', Context.NESTED),
        ("a $$${user.name}", Context.NESTED),
        ('a "`b "${user.name}"`"', Context.NESTED),
        ("a $${b:- #'}\n${user.name}", Context.NESTED),
        ("a\\\n#' ${user.name}", Context.NESTED),
        ('a $${b} "$$b $${b:-c}" ${user.name}', None),
        ("a \\\n  b ${user.name}", None),
        ("${start.command:-a '${user.name}'}", Context.SINGLE),
    ],
)
def test_context_of_a_placeholder(line: str, context: Context | None) -> None:
    """Plain words may hold values; each other place is told apart, for its own advice."""
    leaf = parse_text(line, Locator(line, line, Mark(1, 1)))
    assert [found for _, found in misplaced(leaf)] == ([context] if context else [])
