"""The OpenAPI document of the running app, generated from the declarations of its routes."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from quart_schema import QuartSchema
from quart_schema.openapi import HttpSecurityScheme, Info, OpenAPIProvider

from quartapp.http.documentation import ERRORS, SECURITY_SCHEME, models_with_messages
from quartapp.http.event_stream import LAST_EVENT_ID
from quartapp.http.event_stream import MEDIA_TYPE as EVENT_STREAM
from quartapp.http.fields import exact_schema
from quartapp.http.forms import MULTIPART, UNFIT_STATUS, URL_ENCODED
from quartapp.http.idempotency import HEADER, PATTERN, REPLAYED
from quartapp.http.operation import Operation, operation_of
from quartapp.http.paging import HEADER as LINK
from quartapp.http.paging import in_pages
from quartapp.parts import core
from quartapp.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from quart import Quart
    from quart_schema import DataSource
    from werkzeug.routing.rules import Rule

    from quartapp.encoding import JsonObject

EXTENSION = "QUART_SCHEMA"
DOCUMENT = "quartapp.openapi"


REFERENCE = "#/components/schemas/"
RETRY_AFTER: JsonObject = {
    "Retry-After": {
        "description": "Seconds to wait before asking again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}
HEADERS: dict[int, JsonObject] = {
    HTTPStatus.UNAUTHORIZED: {
        "WWW-Authenticate": {
            "description": "How to authenticate.",
            "required": True,
            "schema": {"type": "string", "const": "Bearer"},
        }
    },
    HTTPStatus.TOO_MANY_REQUESTS: RETRY_AFTER,
    HTTPStatus.SERVICE_UNAVAILABLE: RETRY_AFTER,
}


IDEMPOTENCY_KEY: JsonObject = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Makes a retry safe: within a day the request is done once.",
    "schema": {"type": "string", "pattern": PATTERN},
}
IF_NONE_MATCH: JsonObject = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "Entity tags of answers that the client has.",
    "schema": {"type": "string"},
}
IF_MATCH: JsonObject = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "Entity tags; the resource must still have one of them.",
    "schema": {"type": "string"},
}
LAST_EVENT: JsonObject = {
    "name": LAST_EVENT_ID,
    "in": "header",
    "required": False,
    "description": "Id of the last event that the client has.",
    "schema": {"type": "string"},
}
ENTITY_TAG: JsonObject = {
    "ETag": {
        "description": "Names this state of the thing.",
        "required": True,
        "schema": {"type": "string"},
    }
}
NEXT_PAGE: JsonObject = {
    LINK: {
        "description": "Address of the next page, with rel=next (RFC 8288); none on the last page.",
        "required": False,
        "schema": {"type": "string"},
    }
}
LOCATION: JsonObject = {
    "Location": {
        "description": "Path on this server, to ask for with GET.",
        "required": True,
        "schema": {"type": "string"},
    }
}
AGAIN_SOON: JsonObject = {
    "Retry-After": {
        "description": "Seconds to wait, where the same request is still running.",
        "required": False,
        "schema": {"type": "integer", "minimum": 1},
    }
}
REPLAYED_ANSWER: JsonObject = {
    REPLAYED: {
        "description": "Present where the answer is that of an earlier request with this key.",
        "required": False,
        "schema": {"type": "string", "const": "true"},
    }
}


class Provider(OpenAPIProvider):
    """quart-schema's generator, with additions and corrections.

    The document has the declared operation ids and roles, required bodies, statuses as strings,
    response headers, and different schemas for models with the same name.
    """

    def schema(self) -> JsonObject:
        """Return the whole document."""
        self._models: JsonObject = {}
        self._instead: dict[Any, Any] = {}  # any: models
        document = super().schema()
        document["components"]["schemas"] = self._models
        document["paths"] = dict(sorted(document["paths"].items()))
        return document

    def operation_id(self, method: str, path: str, func: Callable[..., object]) -> str | None:
        """Return the id that the operation declares."""
        operation = operation_of(func)
        return operation.id if operation else super().operation_id(method, path, func)

    def build_querystring_parameters(self, model: Any) -> tuple[list[JsonObject], JsonObject]:  # noqa: ANN401 - a type
        """Return the parameters of a query string."""
        parameters, definitions = super().build_querystring_parameters(model)
        return cast("list[JsonObject]", self._with_models(parameters, definitions)), {}

    def build_request_body(
        self,
        model: Any,  # noqa: ANN401 - a type
        source: DataSource,
    ) -> tuple[JsonObject, JsonObject]:
        """Return the description of a request body, which is required unless declared otherwise."""
        body, definitions = super().build_request_body(model, source)
        return self._with_models({"required": True, **body}, definitions), {}

    def build_response_object(
        self,
        model: Any,  # noqa: ANN401 - a type
        headers_model: Any,  # noqa: ANN401 - a type or None
    ) -> tuple[JsonObject, JsonObject]:
        """Return the description of an answer."""
        told: Any = self._instead.get(model, model)  # any: a type
        response, definitions = super().build_response_object(told, headers_model)
        return self._with_models(response, definitions), {}

    def build_paths(self, rule: Rule) -> tuple[JsonObject, JsonObject]:
        """Return the description of the paths of one URL rule."""
        view = self._app.view_functions[rule.endpoint]
        operation = operation_of(view)
        # What plugins refuse with is known only now that the app has its plugins.
        own = getattr(view, ERRORS, {})
        plugins = core(cast("Quart", self._app)).plugins
        whole = models_with_messages(operation, plugins) if operation else {}
        self._instead = {own[status]: whole[status] for status in whole if status in own}
        paths, components = super().build_paths(rule)
        for item in paths.values():
            for documented in item.values():
                for status in whole.keys() - own.keys():
                    documented["responses"][status], _ = self.build_response_object(
                        whole[status], None
                    )
        for item in paths.values():
            for documented in item.values():
                _complete(documented, operation)
        return paths, components

    def _with_models(self, built: Any, definitions: JsonObject) -> Any:  # noqa: ANN401 - JSON
        """Move the models of a part into the document, each under a unique name.

        Args:
            built: A part of the document.
            definitions: Schemas of the models that the part refers to, by name.

        Returns:
            The part with references to the unique names.
        """
        built, definitions = exact_schema(built), exact_schema(definitions)
        names = {}
        for name, model in definitions.items():
            free, number = name, 1
            while self._models.get(free, model) != model:
                number += 1
                free = f"{name}{number}"
            self._models[free] = model
            names[REFERENCE + name] = REFERENCE + free
        if all(old == new for old, new in names.items()):
            return built
        for new in names.values():
            key = new.removeprefix(REFERENCE)
            self._models[key] = _renamed(self._models[key], names)
        return _renamed(built, names)


def _renamed(node: Any, names: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(node, dict):
        return {
            key: names.get(value, value)
            if key == "$ref" and isinstance(value, str)
            else _renamed(value, names)
            for key, value in node.items()
        }
    return [_renamed(item, names) for item in node] if isinstance(node, list) else node


def _complete(documented: JsonObject, operation: Operation | None) -> None:
    documented["responses"] = {
        str(int(status)): response for status, response in sorted(documented["responses"].items())
    }
    for status, headers in HEADERS.items():
        if (response := documented["responses"].get(str(int(status)))) is not None:
            response["headers"] = headers
    for status, response in documented["responses"].items():
        response["description"] = response["description"] or HTTPStatus(int(status)).phrase
    if operation is None:
        return
    documented["tags"] = list(operation.tags)
    documented["x-role"] = operation.access.label
    if operation.access.permission is not None:
        documented["x-permission"] = operation.access.permission
    if not operation.fuzz:
        documented["x-not-fuzzed"] = operation.why
    if not operation.body_required:
        documented["requestBody"]["required"] = False
    _complete_headers(documented, operation)
    _complete_content(documented, operation)


def _complete_content(documented: JsonObject, operation: Operation) -> None:
    """Write in which media types a form comes, and answers that are not JSON."""
    if operation.form is not None:
        content = documented["requestBody"]["content"]
        content[MULTIPART] = content[URL_ENCODED]
    texts = {int(operation.status)} if operation.media_type != "application/json" else set()
    if texts and operation.form is not None and operation.invalid is None:
        texts.add(int(UNFIT_STATUS))
    for status, response in documented["responses"].items():
        if int(status) in texts or (operation.page and "content" in response):
            response["content"] = {operation.media_type: {"schema": {"type": "string"}}}


def _complete_headers(documented: JsonObject, operation: Operation) -> None:
    """Add what the operation reads from headers, and answers in them."""
    responses = documented["responses"]
    success = responses[str(int(operation.status))]
    for offered, parameter in (
        (operation.idempotent, IDEMPOTENCY_KEY),
        (operation.etag, IF_NONE_MATCH),
        (operation.if_match, IF_MATCH),
        (operation.media_type == EVENT_STREAM, LAST_EVENT),
    ):
        if offered:
            documented.setdefault("parameters", []).append(parameter)
    if operation.idempotent:
        responses["409"]["headers"] = AGAIN_SOON
        success["headers"] = REPLAYED_ANSWER
    if in_pages(operation):
        success["headers"] = NEXT_PAGE
    if operation.redirects:
        responses["303"] = {"description": "Another page follows.", "headers": LOCATION}
    if operation.etag:
        success["headers"] = ENTITY_TAG
        responses["304"] = {"description": "The client has this answer.", "headers": ENTITY_TAG}


def register_documents(app: Quart) -> None:
    """Set up quart-schema, which generates the OpenAPI document of ``app``."""
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
            description="What this server offers, with the plugins that are loaded.",
        ),
        security_schemes={
            SECURITY_SCHEME: HttpSecurityScheme(scheme="bearer", bearer_format="JWT")
        },
    )


def openapi_document(app: Quart) -> JsonObject:
    """Return the OpenAPI 3.1 document of ``app``, plugins included; callers must not change it."""
    # Generated once, as it takes a noticeable time and the routes of an app do not change.
    if DOCUMENT not in app.extensions:
        document = app.extensions[EXTENSION].openapi_provider.schema()
        app.extensions[DOCUMENT] = json.loads(json.dumps(document))
    return cast("JsonObject", app.extensions[DOCUMENT])
