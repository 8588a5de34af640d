"""What a template says about itself, beside the container: taken as written, no placeholders."""

from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from supervisor.template.quantities import parse_geometry
from supervisor.template.schema.params import AnyParam
from supervisor.template.schema.values import Line, Section, Whole

DEFAULT_GEOMETRY = "1280x800"
DEFAULT_DPI = 96

Geometry = Annotated[
    str,
    AfterValidator(parse_geometry),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{2,5}x[0-9]{2,5}$"}),
]
Dpi = Annotated[Whole, Field(ge=24, le=600)]
ParamName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]


class HeadSection(Section):
    """Top-level keys that are no keys of the container."""

    title: Line | None = None
    """What users see; the template's name."""
    icon: Line | None = None
    """Name (freedesktop.org, such as ``web-browser``) or URL of an icon."""
    description: Annotated[str, Field(max_length=4096)] = ""
    """A sentence or two."""
    geometry: Geometry = DEFAULT_GEOMETRY
    """``WIDTHxHEIGHT`` where none is asked for, 10 to 16384 each."""
    dpi: Dpi = DEFAULT_DPI
    """Dots per inch, where none are asked for."""
    params: dict[ParamName, AnyParam] = Field(default_factory=dict)
    """What the user may set, by name."""


def head_keys() -> frozenset[str]:
    """Every key that is the template's own."""
    return frozenset(HeadSection.model_fields)
