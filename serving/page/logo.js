// Sequence logo: the height of a letter is the mean decrease of the prediction when the base is changed.
// Letters whose change increases the prediction are drawn below the line.

const GLYPHS = {
  A: "M0 100L38 0H62L100 100H77L69 76H31L23 100ZM37 58H63L50 18Z",
  C: "M97 32C90 10 72 0 52 0C20 0 0 22 0 50C0 78 20 100 52 100C72 100 90 90 97 68L76 61C72 74 64 81 52 81C34 81 22 69 22 50C22 31 34 19 52 19C64 19 72 26 76 39Z",
  G: "M97 32C90 10 72 0 52 0C20 0 0 22 0 50C0 78 20 100 52 100C74 100 90 92 98 78V46H52V64H77V71C72 78 64 81 52 81C34 81 22 69 22 50C22 31 34 19 52 19C64 19 72 26 76 37Z",
  T: "M0 0H100V20H61V100H39V20H0Z",
  N: "M0 100V0H24L78 68V0H100V100H76L22 32V100Z",
};
const WIDTH = 14, HEIGHT = 120, TOP = 8, LEFT = 44, TICKS = 10;

function element(name, attributes, parent, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return parent ? parent.appendChild(made) : made;
}

export function drawLogo(insert, heights, summary) {
  const letters = insert.toUpperCase();
  const most = Math.max(0, ...heights), least = Math.min(0, ...heights);
  const scale = HEIGHT / (most - least || 1), line = TOP + most * scale;
  const width = LEFT + letters.length * WIDTH + 8, height = TOP + HEIGHT + 26;
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": summary });
  element("title", {}, svg, summary);
  heights.forEach((value, place) => {
    const tall = Math.abs(value) * scale, glyph = letters[place] in GLYPHS ? letters[place] : "N";
    const x = LEFT + place * WIDTH, y = value > 0 ? line - tall : line;
    // Letters below the line are upside down, so that the sign is visible from the letter alone.
    const move = value > 0 ? `translate(${x} ${y}) scale(${WIDTH / 100} ${tall / 100})` : `translate(${x} ${y + tall}) scale(${WIDTH / 100} ${-tall / 100})`;
    const letter = element("path", { d: GLYPHS[glyph], class: glyph, "fill-rule": "evenodd", transform: move }, svg);
    element("title", {}, letter, `${letters[place]}${place + 1}: ${value.toPrecision(3)}`);
  });
  element("line", { x1: LEFT, x2: width, y1: line, y2: line, class: "axis" }, svg);
  for (const [value, y] of [[most, TOP + 8], [least, TOP + HEIGHT]]) if (value) element("text", { x: LEFT - 6, y, "text-anchor": "end", class: "tick" }, svg, value.toPrecision(2));
  for (let place = TICKS; place <= letters.length; place += TICKS) {
    element("text", { x: LEFT + (place - 0.5) * WIDTH, y: height - 10, "text-anchor": "middle", class: "tick" }, svg, place);
  }
  return svg;
}
