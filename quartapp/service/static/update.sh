#!/bin/sh
# Fetches the two renderers of the docs pages from npm, in the versions named here.
# Run it in any directory; afterwards look at both pages, and at the browser's console for
# complaints about the Content-Security-Policy.
set -eu

SWAGGER_UI=5.35.0
ASYNCAPI=3.2.1

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

unpack() {
    (cd "$work" && npm pack --silent "$1@$2" >"$3.name" && mkdir "$3" &&
        tar -xzf "$(tail -n 1 "$3.name")" -C "$3" --strip-components=1)
}

unpack swagger-ui-dist "$SWAGGER_UI" swagger
# The source maps are not shipped, so what points to them goes: a browser would ask for them in vain.
sed '/^\/\/# sourceMappingURL=/d' "$work/swagger/swagger-ui-bundle.js" >"$here/swagger-ui.js"
sed '/^\/\*# sourceMappingURL=.*\*\/$/d' "$work/swagger/swagger-ui.css" >"$here/swagger-ui.css"
cat "$work/swagger/NOTICE" "$work/swagger/LICENSE" "$work/swagger/swagger-ui-bundle.js.LICENSE.txt" \
    >"$here/swagger-ui.LICENSE.txt"

unpack @asyncapi/react-component "$ASYNCAPI" asyncapi
cp "$work/asyncapi/browser/standalone/index.js" "$here/asyncapi.js"
cp "$work/asyncapi/styles/default.min.css" "$here/asyncapi.css"
cat "$work/asyncapi/LICENSE" "$work/asyncapi/browser/standalone/index.js.LICENSE.txt" \
    >"$here/asyncapi.LICENSE.txt"

cat >"$here/VERSIONS" <<VERSIONS
swagger-ui-dist $SWAGGER_UI (Apache-2.0): swagger-ui.js swagger-ui.css
@asyncapi/react-component $ASYNCAPI (Apache-2.0): asyncapi.js asyncapi.css
VERSIONS
chmod 644 "$here"/swagger-ui.* "$here"/asyncapi.* "$here/VERSIONS"
