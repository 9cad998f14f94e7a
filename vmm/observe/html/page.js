"use strict";
// Sorting: each heading becomes a button; the first press puts the greatest numbers, or the first words, on top.
function value(row, column) {
  const cell = row.cells[column];
  return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
}
function sort(table, heading, column) {
  const before = heading.getAttribute("aria-sort");
  const rows = [...table.tBodies[0].rows];
  const numbers = heading.classList.contains("n");
  const order = before ? (before === "ascending" ? "descending" : "ascending") : numbers ? "descending" : "ascending";
  const sign = order === "ascending" ? 1 : -1;
  rows.sort((a, b) => {
    const x = value(a, column), y = value(b, column);
    return sign * (numbers ? x - y : String(x).localeCompare(String(y), "en", { numeric: true }));
  });
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", order);
  table.tBodies[0].append(...rows);
}
for (const table of document.querySelectorAll("table")) {
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    button.addEventListener("click", () => sort(table, heading, column));
    heading.replaceChildren(button);
  });
}
// Filtering: rows of all tables that hold every word stay, and boxes of the flame graph that do not turn pale.
const filter = document.getElementById("filter");
function sift() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let all = 0;
  for (const grid of document.querySelectorAll(".grid")) {
    let shown = 0;
    const rows = grid.querySelectorAll("tbody tr");
    for (const row of rows) {
      const text = [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    grid.querySelector(".rows").textContent = words.length ? `${shown} of ${rows.length}` : rows.length;
    all += shown;
  }
  for (const box of document.querySelectorAll(".flame g")) {
    const name = box.firstElementChild.textContent.toLowerCase();
    box.classList.toggle("dim", !words.every((word) => name.includes(word)));
  }
  document.getElementById("found").textContent = words.length ? `${all} rows` : "";
}
filter.addEventListener("input", sift);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && event.target !== filter) { event.preventDefault(); filter.focus(); }
  if (event.key === "Escape" && event.target === filter) { filter.value = ""; sift(); }
});
document.getElementById("tools").hidden = false;
