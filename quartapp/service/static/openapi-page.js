// Shows the OpenAPI document that the page names.
"use strict";

const place = document.getElementById("document");
const problem = document.getElementById("problem");

SwaggerUIBundle({
  domNode: place,
  url: place.dataset.source,
  deepLinking: true,
  displayOperationId: true,
  docExpansion: "list",
  // The renderer's own badge asks a server on the internet whether the document is valid.
  validatorUrl: "none",
  presets: [SwaggerUIBundle.presets.apis],
  onComplete: () => problem.remove(),
});
