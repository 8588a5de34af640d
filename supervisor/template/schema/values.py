"""The types of single values: amounts, flags, paths, names."""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from supervisor.template.quantities import parse_duration, parse_nano_cpus, parse_size

OWN_LABELS: Final = "com.fastx.supervisor."
"""Prefix of the labels by which the supervisor knows its containers again."""


class Section(BaseModel):
    """Base of every mapping in a template."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _not_bool(value: Any) -> Any:  # noqa: ANN401 - a validator sees anything
    if isinstance(value, bool):
        msg = "must be a number, not a boolean"
        raise ValueError(msg)  # noqa: TRY004 - pydantic turns ValueError into a fault
    return value


def _flag(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    msg = "must be true or false"
    raise ValueError(msg)


def _size_or_unlimited(value: Any) -> int:  # noqa: ANN401
    return -1 if value in (-1, "-1") else parse_size(value)


def _number_or_text(value: Any) -> Any:  # noqa: ANN401
    """Take numbers where text is meant, as Compose does, but no booleans, as it does not."""
    if isinstance(value, bool):
        msg = "must be text: put true or false in quotes"
        raise ValueError(msg)  # noqa: TRY004
    return str(value) if isinstance(value, (int, float)) else value


def _one_line(value: str) -> str:
    if any(character < " " or character == "\x7f" for character in value):
        msg = "must not hold line breaks or control characters"
        raise ValueError(msg)
    return value


def _no_nul(value: str) -> str:
    if "\0" in value:
        msg = "must not hold NUL bytes"
        raise ValueError(msg)
    return value


def absolute_path(value: str) -> str:
    """Pass on a plain absolute path. Raises ValueError."""
    if value.startswith("~"):
        msg = "~ is not expanded: write ${user.home}"
        raise ValueError(msg)
    if not value.startswith("/"):
        msg = "must be an absolute path"
        raise ValueError(msg)
    # An empty value, "." and ".." filled in below a directory would give that directory or others.
    if value != "/" and any(part in {"", ".", ".."} for part in value.split("/")[1:]):
        msg = "must be a plain path: no empty parts, no . or .., no slash at its end"
        raise ValueError(msg)
    return _one_line(value)


def _octal(value: Any) -> int:  # noqa: ANN401
    if not isinstance(value, str) or not re.fullmatch(r"0?o?[0-7]{3,4}", value):
        # A number is refused because YAML 1.2 reads 0755 as decimal, Compose's YAML 1.1 did not.
        msg = 'must be octal digits in quotes, such as "1777"'
        raise ValueError(msg)
    return int(value.replace("o", ""), 8)


def _own_label(value: str) -> str:
    if value.startswith(OWN_LABELS):
        msg = f"labels beginning with {OWN_LABELS} are the supervisor's own"
        raise ValueError(msg)
    return value


AS_SIZE: Final = WithJsonSchema(
    {
        "type": ["integer", "string"],
        "minimum": 0,
        "pattern": r"^[0-9]+(\.[0-9]+)? ?[kKmMgGtTpP]?([iI]?[bB])?$",
    }
)
AS_DURATION: Final = WithJsonSchema(
    {
        "type": ["number", "string"],
        "minimum": 0,
        "pattern": r"^([0-9]+(\.[0-9]+)?(us|ms|s|m|h|d)?)+$",
    }
)
_AS_FLAG: Final = WithJsonSchema({"enum": [True, False, "true", "false"]})
_AS_CPUS: Final = WithJsonSchema(
    {"type": ["number", "string"], "minimum": 0, "pattern": r"^[0-9]*\.?[0-9]+$"}
)
_AS_SWAP: Final = WithJsonSchema(
    {
        "type": ["integer", "string"],
        "minimum": -1,
        "pattern": r"^(-1|[0-9]+(\.[0-9]+)? ?[kKmMgGtTpP]?([iI]?[bB])?)$",
    }
)
_AS_OCTAL: Final = WithJsonSchema({"type": "string", "pattern": "^0?o?[0-7]{3,4}$"})
_AS_TEXT_OR_NUMBER: Final = WithJsonSchema({"type": ["string", "number"]})

Whole = Annotated[int, BeforeValidator(_not_bool)]
Count = Annotated[Whole, Field(ge=0)]
Flag = Annotated[bool, BeforeValidator(_flag), _AS_FLAG]
Size = Annotated[int, BeforeValidator(parse_size), AS_SIZE]
MemoryLimit = Annotated[Size, Field(ge=6 * 1024**2, description="the engine's least is 6 MiB")]
SwapLimit = Annotated[int, BeforeValidator(_size_or_unlimited), _AS_SWAP]
NanoCpus = Annotated[int, BeforeValidator(parse_nano_cpus), _AS_CPUS]
Seconds = Annotated[float, BeforeValidator(parse_duration), AS_DURATION]
Line = Annotated[str, AfterValidator(_one_line), Field(min_length=1, max_length=4096)]
LineOrNumber = Annotated[Line, BeforeValidator(_number_or_text), _AS_TEXT_OR_NUMBER]
FreeText = Annotated[str, AfterValidator(_no_nul), Field(max_length=128 * 1024)]
"""An argument or a variable's value; the kernel takes no single string above 128 KiB."""
TextOrNumber = Annotated[FreeText, BeforeValidator(_number_or_text), _AS_TEXT_OR_NUMBER]
AbsolutePath = Annotated[str, AfterValidator(absolute_path), Field(max_length=4096)]
OctalMode = Annotated[int, BeforeValidator(_octal), _AS_OCTAL]
Port = Annotated[Whole, Field(ge=1, le=65535)]
LabelName = Annotated[Line, AfterValidator(_own_label)]
VariableName = Annotated[
    str,
    Field(pattern=r"^[^=\x00-\x1f]+$", max_length=1024, description="no equals sign"),
]
Options = dict[Line, TextOrNumber]
