// Shows the AsyncAPI document that the page names.
"use strict";

const place = document.getElementById("document");
const problem = document.getElementById("problem");

async function show() {
  const answer = await fetch(place.dataset.source);
  if (!answer.ok) throw new Error(`${place.dataset.source}: ${answer.status}`);
  const config = { show: { sidebar: true }, expand: { messageExamples: true } };
  AsyncApiStandalone.render({ schema: await answer.text(), config }, place);
  problem.remove();
}

show().catch((error) => {
  problem.textContent = `The document cannot be shown: ${error.message}`;
});
