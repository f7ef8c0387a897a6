#!/bin/sh
# Fetches the two renderers of the docs pages from npm, in the versions named here.
# It needs node and npm. Run it in any directory; afterwards look at both pages, and at the browser's console for
# complaints about the Content-Security-Policy.
set -eu

SWAGGER_UI=5.35.0
ASYNCAPI=3.2.1
REACT=18.3.1
ESBUILD=0.25.9

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

# The renderer's own bundle has a parser that compiles functions, which the pages' policy forbids. So
# the renderer is bundled here without the parser; asyncapi-page.js does what is left of its work.
mkdir -p "$work/asyncapi/parser/cjs" && cd "$work/asyncapi"
npm install --silent --no-audit --no-fund --ignore-scripts "@asyncapi/react-component@$ASYNCAPI" \
    "react@$REACT" "react-dom@$REACT" "esbuild@$ESBUILD"
cat >entry.js <<'ENTRY'
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import AsyncApi from "@asyncapi/react-component/lib/esm/containers/AsyncApi/Standalone";
export const render = (props, place) => createRoot(place).render(createElement(AsyncApi, props));
ENTRY
cat >parser/index.js <<'PARSER'
export * from "../node_modules/@asyncapi/parser/esm/document";
export { unstringify } from "../node_modules/@asyncapi/parser/esm/stringify";
export { SchemaV2 } from "../node_modules/@asyncapi/parser/esm/models";
export const Parser = undefined, fromURL = undefined;
PARSER
echo 'export * from "../../node_modules/@asyncapi/parser/esm/document";' >parser/cjs/document.js
echo 'module.exports = { schemas: {} };' >none.cjs
without=--alias:@asyncapi/parser=./parser
for package in @asyncapi/avro-schema-parser @asyncapi/openapi-schema-parser \
    @asyncapi/protobuf-schema-parser @asyncapi/specs @stoplight/json-ref-readers @stoplight/yaml \
    @stoplight/spectral-core @stoplight/spectral-functions @stoplight/spectral-parsers \
    @stoplight/spectral-ref-resolver @stoplight/spectral-formats @stoplight/spectral-rulesets ajv; do
    without="$without --alias:$package=./none.cjs"
done
# shellcheck disable=SC2086 # one word for each package
npx esbuild entry.js --bundle --minify --format=iife --global-name=AsyncApiStandalone \
    --define:process.env.NODE_ENV='"production"' $without --legal-comments=none \
    --log-level=warning --metafile=meta.json --outfile="$here/asyncapi.js"
if grep -E 'new Function|[^.\w]eval\(' "$here/asyncapi.js" >/dev/null; then
    echo "asyncapi.js compiles functions, which the pages' policy forbids" >&2 && exit 1
fi
cp node_modules/@asyncapi/react-component/styles/default.min.css "$here/asyncapi.css"
node - meta.json >"$here/asyncapi.LICENSE.txt" <<'LICENCES'
// The licence of each package that is in the bundle.
const fs = require("node:fs");
const bundled = Object.values(JSON.parse(fs.readFileSync(process.argv[2])).outputs)[0].inputs;
const folders = Object.entries(bundled)
  .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  .map(([path]) => path.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//)?.[1]);
for (const folder of [...new Set(folders)].filter(Boolean).sort()) {
  const { name, version, license } = JSON.parse(fs.readFileSync(`${folder}/package.json`));
  const file = fs.readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
  console.log(`${name} ${version} (${license})\n`);
  if (file) console.log(fs.readFileSync(`${folder}/${file}`, "utf8").trim() + "\n");
}
LICENCES

cat >"$here/VERSIONS" <<VERSIONS
swagger-ui-dist $SWAGGER_UI (Apache-2.0): swagger-ui.js swagger-ui.css
@asyncapi/react-component $ASYNCAPI (Apache-2.0): asyncapi.js asyncapi.css
VERSIONS
chmod 644 "$here"/swagger-ui.* "$here"/asyncapi.* "$here/VERSIONS"
