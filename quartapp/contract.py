"""The contract of the running app: what its routes and events declare, as documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from quart_schema import QuartSchema
from quart_schema.openapi import HttpSecurityScheme, Info, OpenAPIProvider

from quartapp import __version__
from quartapp.operations import SECURITY_SCHEME, operation_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from quart import Quart
    from quart_schema import DataSource
    from werkzeug.routing.rules import Rule

EXTENSION = "QUART_SCHEMA"


class Provider(OpenAPIProvider):
    """quart-schema's document with our operation ids, required bodies and string statuses."""

    def operation_id(self, method: str, path: str, func: Callable[..., object]) -> str | None:
        """The id that the operation declares."""
        operation = operation_of(func)
        return operation.id if operation else super().operation_id(method, path, func)

    def build_request_body(
        self,
        model: Any,  # noqa: ANN401 - a type
        source: DataSource,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """A body that is declared is required."""
        body, definitions = super().build_request_body(model, source)
        return {"required": True, **body}, definitions

    def build_paths(self, rule: Rule) -> tuple[dict[str, Any], dict[str, Any]]:
        """The paths of one rule."""
        paths, components = super().build_paths(rule)
        operation = operation_of(self._app.view_functions[rule.endpoint])
        for item in paths.values():
            for documented in item.values():
                documented["responses"] = {
                    str(status): response for status, response in documented["responses"].items()
                }
                if operation is not None:
                    documented["tags"] = list(operation.tags)
                    _name_media_type(documented, str(int(operation.status)), operation.media_type)
        return paths, components


def _name_media_type(documented: dict[str, Any], status: str, media_type: str) -> None:
    if media_type != "application/json":
        documented["responses"][status]["content"] = {media_type: {"schema": {"type": "string"}}}


def register_documents(app: Quart) -> None:
    """Let ``app`` describe itself."""
    QuartSchema(
        app,
        openapi_path=None,
        swagger_ui_path=None,
        redoc_ui_path=None,
        scalar_ui_path=None,
        conversion_preference="pydantic",
        openapi_provider_class=Provider,
        info=Info(
            title="quartapp",
            version=__version__,
            description="Live attendance: accounts, classes and roll calls.",
        ),
        security_schemes={
            SECURITY_SCHEME: HttpSecurityScheme(scheme="bearer", bearer_format="JWT")
        },
    )


def openapi_document(app: Quart) -> dict[str, Any]:
    """The OpenAPI 3.1 document of ``app``, plugins included."""
    return cast("dict[str, Any]", app.extensions[EXTENSION].openapi_provider.schema())
