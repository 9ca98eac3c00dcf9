import { drawLogo } from "./logo.js";

const SHOWN = 500; // rows shown in the table; the download contains all rows
const LARGE = 2 << 20; // predictions for files of at least this many bytes are downloaded, not shown
const at = (id) => document.getElementById(id);
let models = [], answer = null, effects = null;

function say(text, wrong = false) {
  at("status").textContent = text;
  at("status").classList.toggle("wrong", wrong);
}

async function ask(path, body, type, accept) {
  const headers = { "Content-Type": type, Accept: accept };
  if (at("token").value) headers.Authorization = `Bearer ${at("token").value}`;
  const response = await fetch(path, body === null ? { headers: { ...headers, "Content-Type": "text/plain" } } : { method: "POST", headers, body });
  if (response.status === 401) at("token-row").hidden = false;
  if (!response.ok) {
    const text = await response.text();
    let message = `${response.status} ${response.statusText}`;
    try { message = JSON.parse(text).error; } catch { /* not JSON: show the status */ }
    throw new Error(message);
  }
  return response;
}

async function working(text, work) {
  at("predict").disabled = true;
  say(text);
  try { await work(); } catch (error) { say(error.message, true); } finally { at("predict").disabled = false; }
}

const chosen = () => models.find((model) => model.name === at("model").value);
const number = (value) => (value === null ? "" : Number(value.toPrecision(6)).toString());
const plural = (count) => `${count.toLocaleString("en")} sequence${count === 1 ? "" : "s"}`;

function cell(row, text, kind = "td", isNumber = false) {
  const made = row.appendChild(document.createElement(kind));
  if (kind === "th") made.scope = row.parentElement.tagName === "THEAD" ? "col" : "row";
  made.className = isNumber ? "number" : "";
  made.textContent = text;
  return made;
}

function fill(table, header, rows) {
  const [head, body] = [table.tHead, table.tBodies[0]];
  head.replaceChildren();
  body.replaceChildren();
  const top = head.insertRow();
  header.forEach((name, place) => cell(top, name, "th", typeof rows[0]?.[place] === "number"));
  return rows.map((row) => {
    const line = body.insertRow();
    row.forEach((value, place) => cell(line, typeof value === "number" ? number(value) : value, place ? "td" : "th", typeof value === "number"));
    return line;
  });
}

function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const saveTable = (name, header, rows) =>
  save(name, new Blob([[header, ...rows].map((row) => row.map((value) => (typeof value === "number" ? number(value) : value)).join("\t") + "\n").join("")], { type: "text/tab-separated-values" }));

const reveal = (id) => { at(id).hidden = false; at(`${id}-heading`).focus({ preventScroll: true }); at(id).scrollIntoView({ block: "nearest" }); };

async function predict(body, isLarge) {
  const path = `v1/predict?model=${encodeURIComponent(at("model").value)}`;
  if (isLarge) {
    const response = await ask(path, body, "text/plain", "text/tab-separated-values");
    save("predictions.tsv", await response.blob());
    say("The file is large. The predictions were downloaded as predictions.tsv.");
    return;
  }
  answer = await (await ask(`${path}&include=sequence`, body, "text/plain", "application/json")).json();
  const { columns, predictions } = answer;
  const units = chosen().units[0];
  const rows = fill(at("table"), ["id", ...columns.map((name) => (units ? `${name} (${units})` : name)), "contributions"], predictions.slice(0, SHOWN).map((row) => [row.id, ...columns.map((name) => row[name])]));
  rows.forEach((line, place) => {
    const button = cell(line, "").appendChild(document.createElement("button"));
    button.type = "button";
    button.textContent = "Logo";
    button.setAttribute("aria-label", `Logo of ${predictions[place].id}`);
    button.onclick = () => working(`Scoring all single-base changes of ${predictions[place].id} …`, () => mutate(predictions[place]));
  });
  at("more").hidden = predictions.length <= SHOWN;
  at("more").textContent = `Showing the first ${SHOWN} rows. The download contains all ${predictions.length.toLocaleString("en")} rows.`;
  at("effects").hidden = true;
  reveal("results");
  say(`Predicted ${plural(predictions.length)}.`);
}

async function mutate(record) {
  const body = JSON.stringify({ model: at("model").value, sequence: record.sequence });
  const found = await (await ask("v1/mutagenesis", body, "application/json", "application/json")).json();
  const letters = [...found.insert.toUpperCase()], [task] = found.tasks;
  effects = { id: record.id, rows: [], tasks: found.tasks };
  found.effects.forEach((changes, place) => [...found.bases].forEach((base, column) => {
    if (base !== letters[place]) effects.rows.push([record.id, place + 1, letters[place], base, ...changes[column]]);
  }));
  const strongest = [...effects.rows].sort((one, other) => Math.abs(other[4]) - Math.abs(one[4])).slice(0, 10);
  const summary = `Contribution of each base of ${record.id} to ${task}. The strongest change is ${strongest[0][2]}${strongest[0][1]}${strongest[0][3]}: ${number(strongest[0][4])}.`;
  at("effects-about").textContent = `${record.id}: ${task} ${number(found.reference[0])}, unit: ${found.units[0]}. The height of a letter is the mean decrease of the prediction when the base is changed. Upside-down letters mark bases whose change increases the prediction.`;
  at("logo").replaceChildren(drawLogo(found.insert, found.importance.map((values) => values[0]), summary));
  fill(at("strongest"), ["change", `effect on ${task}`], strongest.map((row) => [`${row[2]}${row[1]}${row[3]}`, row[4]]));
  reveal("effects");
  say(`Scored all single-base changes of ${record.id}.`);
}

function describe() {
  const { construct, units, tasks } = chosen();
  const lengths = construct.shortest === construct.longest ? construct.longest : `${construct.shortest} to ${construct.longest}`;
  const adapters = construct.left_adapter && construct.right_adapter ? `, with both adapters (${construct.left_adapter} … ${construct.right_adapter}) or without adapters` : "";
  at("about").textContent = `Construct ${construct.name}: ${lengths} bases${adapters}. Predicts ${tasks.map((task, place) => `${task}, unit: ${units[place]}`).join("; ")}.`;
}

async function start() {
  ({ models } = await (await ask("v1/models", null, "", "application/json")).json());
  at("model").replaceChildren(...models.map((model) => new Option(model.name)));
  at("choose").hidden = models.length < 2;
  if (models.length) describe();
  say("");
}

async function predictFile(file) {
  if (file.size < LARGE) at("sequences").value = file.name.endsWith(".gz") ? "" : await file.text();
  await working(`Predicting ${file.name} …`, () => predict(file, file.size >= LARGE));
}

at("model").onchange = describe;
at("token").onchange = () => { if (!models.length) working("", start); };
at("form").onsubmit = (event) => {
  event.preventDefault();
  const text = at("sequences").value;
  if (text.trim()) working("Predicting …", () => predict(text, false));
  else say("Enter a sequence first.", true);
};
at("file").onchange = () => { if (at("file").files.length) predictFile(at("file").files[0]); };
at("download").onclick = () => saveTable("predictions.tsv", ["id", ...answer.columns], answer.predictions.map((row) => [row.id, ...answer.columns.map((name) => row[name])]));
at("download-effects").onclick = () => saveTable("effects.tsv", ["id", "position", "ref", "alt", ...effects.tasks.map((task) => `${task}_effect`)], effects.rows);
for (const kind of ["dragover", "dragleave", "drop"]) {
  at("sequences").addEventListener(kind, (event) => {
    event.preventDefault();
    at("sequences").classList.toggle("dropping", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) predictFile(event.dataTransfer.files[0]);
  });
}
working("", start);
