// Tells what is wrong with a mapping while it is typed. Without this script the page says the same after saving.
const form = document.querySelector("form.editor");
const area = form.querySelector("textarea");
const problems = document.getElementById("problems");
const pause = 400;
let timer, newest = 0;

function goTo(line, column) {
  const lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0) + column - 1;
  area.focus();
  area.setSelectionRange(start, start + 1);
  area.scrollTop = Math.max(0, (line - 4) * parseFloat(getComputedStyle(area).lineHeight));
}

function show(found) {
  problems.replaceChildren();
  if (found.length === 0) {
    const fine = document.createElement("p");
    fine.className = "good";
    fine.textContent = "It can be used.";
    problems.append(fine);
    return;
  }
  const list = document.createElement("ol");
  for (const problem of found) {
    const item = document.createElement("li");
    const place = document.createElement("button");
    place.type = "button";
    place.className = "plain";
    place.textContent = `${problem.layer ? problem.layer + ", " : ""}line ${problem.line}, column ${problem.column}`;
    place.dataset.line = problem.line;
    place.dataset.column = problem.column;
    item.append(place, " " + problem.message);
    list.append(item);
  }
  problems.append(list);
}

async function check() {
  const mine = ++newest;
  try {
    const answer = await fetch(form.dataset.check, { method: "POST", body: new FormData(form) });
    if (answer.ok && mine === newest) show((await answer.json()).problems);
  } catch {
    // Offline: the page checks when it is saved.
  }
}

area.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(check, pause);
});
problems.addEventListener("click", (event) => {
  const place = event.target.closest("button[data-line]");
  if (place) goTo(Number(place.dataset.line), Number(place.dataset.column));
});
// Tab leaves the field, so that the keyboard is never caught here.
