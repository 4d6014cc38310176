"""`GET /apidocs`: Swagger UI for `/openapi.json`, from the files of an installed package, not from another host.

The page has no inline script, and its content security policy allows none. Only the files named here are served.
"""

from importlib.resources import files
from typing import Final

from flask import Blueprint, Response, abort, request

_DIST: Final = files("flask_swagger_ui") / "dist"
_TYPES: Final = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
# The script of Swagger UI sets inline styles, and its images are data: URLs.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Changeover: API</title>
<link rel="stylesheet" href="apidocs/swagger-ui.css">
<link rel="icon" type="image/png" href="apidocs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="apidocs/swagger-ui-bundle.js"></script>
<script src="apidocs/start.js"></script>
</body>
</html>
"""
_START: Final = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  queryConfigEnabled: false,
  tryItOutEnabled: false,
  defaultModelsExpandDepth: -1,
  displayRequestDuration: true,
  syntaxHighlight: { theme: "nord" },
});
"""


# The document needs an API key, too. The page asks for one, and forgets it when it is closed.
_START_WITH_KEY: Final = _START.replace(
    "SwaggerUIBundle({",
    """const key = window.prompt("API key");
SwaggerUIBundle({
  requestInterceptor: (request) => {
    if (key && !request.headers.Authorization) request.headers["X-API-Key"] ??= key;
    return request;
  },""",
)


def blueprint(*, keys: bool = False) -> Blueprint:
    """The routes of the page and its files; with `keys`, its calls need an API key."""
    start = _START_WITH_KEY if keys else _START
    routes = Blueprint("apidocs", __name__)

    @routes.get("/apidocs")
    def page() -> Response:
        return _guarded(_PAGE.encode(), "text/html; charset=utf-8")

    @routes.get("/apidocs/<name>")
    def file(name: str) -> Response:
        if name == "start.js":
            return _guarded(start.encode(), _TYPES["swagger-ui-bundle.js"])
        if name not in _TYPES:
            abort(404)
        return _guarded((_DIST / name).read_bytes(), _TYPES[name])

    return routes


def _guarded(body: bytes, content_type: str) -> Response:
    response = Response(body, content_type=content_type)
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response
