// Shows the AsyncAPI document that the page names.
"use strict";

const place = document.getElementById("document");
const problem = document.getElementById("problem");

// The renderer comes without its parser, which would compile functions: the page's policy forbids
// that. The work of the parser is done here: each reference is replaced by its target, and channels,
// operations, messages and alternatives get the ids by which the renderer knows them.
const ID = "x-parser-unique-object-id";
const SCHEMA_ID = "x-parser-schema-id";

function parsed(source) {
  const copies = new Map();
  const copied = (value) => {
    if (value === null || typeof value !== "object") return value;
    if (typeof value.$ref === "string") return copied(target(source, value.$ref));
    if (!copies.has(value)) {
      const copy = Array.isArray(value) ? [] : {};
      copies.set(value, copy);
      for (const [name, member] of Object.entries(value)) copy[name] = copied(member);
      nameAlternatives(copy, copies.size);
    }
    return copies.get(value);
  };
  const whole = copied(source);
  identify(whole.channels);
  identify(whole.operations);
  for (const channel of Object.values(whole.channels ?? {})) identify(channel.messages);
  return { ...whole, "x-parser-spec-parsed": true, "x-parser-api-version": 3 };
}

function target(source, reference) {
  const names = reference.replace(/^#\//, "").split("/");
  const unescaped = names.map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  return unescaped.reduce((part, name) => part[name], source);
}

function nameAlternatives(schema, number) {
  const alternatives = [schema.allOf, schema.anyOf, schema.oneOf].filter(Array.isArray).flat();
  const schemas = alternatives.filter((one) => one instanceof Object);
  for (const one of schemas) one[SCHEMA_ID] ??= `<anonymous-schema-${number}>`;
}

function identify(objects = {}) {
  for (const [name, one] of Object.entries(objects)) one[ID] ??= name;
}

async function show() {
  const answer = await fetch(place.dataset.source);
  if (!answer.ok) throw new Error(`${place.dataset.source}: ${answer.status}`);
  const config = { show: { sidebar: true }, expand: { messageExamples: true } };
  AsyncApiStandalone.render({ schema: parsed(await answer.json()), config }, place);
  problem.remove();
}

show().catch((error) => {
  problem.textContent = `The document cannot be shown: ${error.message}`;
});
