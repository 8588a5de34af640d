"""Launcher templates: from a YAML file and a user's wish to the description of a container.

    bytes ─ document ─> Tree ─ shorthand ─> Tree ─ judge, names ─> Template      once, at load
    Template + StartRequest + RenderContext ─ substitution ─ judge ─ assembly ─> RenderedSession

A value of a user enters at ``substitution`` as the content of one scalar, and is never read as
YAML, as a placeholder, as a short form or (where quoted) as shell afterwards.
"""

from supervisor.template.catalog import TemplateCatalog
from supervisor.template.description import TemplateSummary, describe
from supervisor.template.errors import Fault, ParamsInvalidError, TemplateError, TemplateValueError
from supervisor.template.loader import load_template
from supervisor.template.param_schema import params_json_schema
from supervisor.template.params import Choice, Param, ParamType, change_params, resolve_params
from supervisor.template.render import RenderContext, RenderedSession, UserContext, render
from supervisor.template.spec import ContainerSpec, Mount, MountType
from supervisor.template.template import Template

__all__ = [
    "Choice",
    "ContainerSpec",
    "Fault",
    "Mount",
    "MountType",
    "Param",
    "ParamType",
    "ParamsInvalidError",
    "RenderContext",
    "RenderedSession",
    "Template",
    "TemplateCatalog",
    "TemplateError",
    "TemplateSummary",
    "TemplateValueError",
    "UserContext",
    "change_params",
    "describe",
    "load_template",
    "params_json_schema",
    "render",
    "resolve_params",
]
