// Shows the OpenAPI document as a readable page.

const add = (parent, name, text = "") => {
  const made = parent.appendChild(document.createElement(name));
  made.textContent = text;
  return made;
};

function command(path, kind, media) {
  const url = new URL(path.slice(1), document.baseURI);
  if (!media) return `curl ${url}`;
  const [type, { example }] = media;
  const data = typeof example === "string" ? `$'${example.replaceAll("\n", "\\n")}'` : `'${JSON.stringify(example)}'`;
  return `curl ${url} -H 'Content-Type: ${type}' --data-binary ${data}`;
}

function table(parent, header, rows) {
  if (!rows.length) return;
  const made = add(parent, "table");
  const top = add(add(made, "thead"), "tr");
  header.forEach((text) => { add(top, "th", text).scope = "col"; });
  const body = add(made, "tbody");
  rows.forEach((row) => { const line = add(body, "tr"); row.forEach((text) => add(line, "td", text)); });
}

function write(path, kind, operation) {
  const section = add(document.getElementById("operations"), "section");
  add(section, "h2", `${kind.toUpperCase()} ${path}`);
  add(section, "p", `${operation.summary}. ${operation.description}`);
  table(section, ["query parameter", "description"], (operation.parameters ?? []).map(({ name, schema }) => [name, schema.description]));
  const bodies = Object.entries(operation.requestBody?.content ?? {});
  const examples = bodies.filter(([, media]) => media.example !== undefined);
  (examples.length ? examples : [null]).forEach((media) => add(add(section, "pre"), "code", command(path, kind, media)));
  if (bodies.length) add(section, "p", `Request content types: ${bodies.map(([type]) => type).join(", ")}.`);
  const answers = Object.keys(operation.responses["200"].content);
  add(section, "p", `Response content types: ${answers.join(", ")}.`);
  table(section, ["status", "description"], Object.entries(operation.responses).map(([status, { description }]) => [status, description]));
}

const description = await (await fetch("openapi.json")).json();
document.getElementById("description").textContent = description.info.description;
for (const [path, operations] of Object.entries(description.paths)) {
  for (const [kind, operation] of Object.entries(operations)) write(path, kind, operation);
}
