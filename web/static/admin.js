// What makes the pages quicker to use. Each of them works without it.

const csrf = document.getElementById("main")?.dataset.csrf ?? "";

// On a narrow screen the menu is closed until it is asked for.
const menu = document.getElementById("menu");
const wide = matchMedia("(min-width: 900px)");
function fold() {
  if (!menu) return;
  menu.open = wide.matches;
  menu.dataset.ready = "";
}
wide.addEventListener("change", fold);
fold();

// A job on this page: asked for until it has ended, then the page is loaded anew.
for (const job of document.querySelectorAll("[data-job]")) watch(job);

async function watch(place) {
  const [bar, text] = [place.querySelector("progress"), place.querySelector("[data-text]")];
  for (;;) {
    const answer = await fetch(`/api/v1/jobs/${place.dataset.job}`).catch(() => null);
    if (answer?.ok) {
      const job = await answer.json();
      if (job.state !== "waiting" && job.state !== "running") return over(place);
      const { bytes, total_bytes: total, items, left_s: left, step } = job.progress;
      if (bar && total) { bar.max = total; bar.value = bytes; } else bar?.removeAttribute("value");
      const parts = [job.state === "waiting" ? "waiting for another job" : step, bytes ? size(bytes) + (total ? ` of ${size(total)}` : "") : "",
        items ? `${items.toLocaleString()} items` : "", left ? `${left} s left` : ""];
      if (text) text.textContent = parts.filter(Boolean).join(" · ");
    } else if (answer && answer.status !== 503) return;
    await new Promise((done) => setTimeout(done, 700));
  }
}

// What somebody is typing is not thrown away for news.
let touched = false;
addEventListener("input", () => { touched = true; });
function over(place) {
  if (!touched) { location.replace(location.pathname + location.search); return; }
  place.setAttribute("role", "status");
  const link = document.createElement("a");
  link.href = location.pathname + location.search;
  link.textContent = "Done. Load the page anew.";
  place.replaceChildren(link);
}

function size(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) { bytes /= 1000; unit += 1; }
  return `${bytes.toFixed(unit && bytes < 100 ? 1 : 0)} ${units[unit]}`;
}

// What takes its time to be found comes when the page is there.
for (const place of document.querySelectorAll("[data-load]")) load(place);

async function load(place) {
  const answer = await fetch(place.dataset.load).catch(() => null);
  if (!answer?.ok) return;
  const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(place.id);
  if (found) place.replaceWith(found);
}

// Bulk edits: the head's box marks all rows, Shift all from the last one that was clicked; the bar says how many are marked.
for (const form of document.querySelectorAll("form[data-bulk]")) {
  const boxes = () => [...form.querySelectorAll('tbody input[type="checkbox"]')];
  const all = form.querySelector("input[data-all]");
  const count = form.querySelector("[data-count]");
  const say = () => {
    const marked = boxes().filter((box) => box.checked).length;
    if (count) count.textContent = marked ? `${marked} marked` : "none marked";
    if (all) { all.checked = marked > 0 && marked === boxes().length; all.indeterminate = marked > 0 && !all.checked; }
  };
  // A field that what is to be done does not need is not shown.
  const { act, to } = form.elements;
  const ask = () => {
    if (!act || !to) return;
    const what = act.selectedOptions[0]?.dataset.to ?? "";
    to.hidden = !what;
    to.required = Boolean(what);
    if (what) to.placeholder = what;
  };
  let last = null;
  const isBox = (element) => element.matches('tbody input[type="checkbox"]');
  // Shift would mark text.
  form.addEventListener("mousedown", (event) => { if (event.shiftKey && isBox(event.target)) event.preventDefault(); });
  form.addEventListener("click", (event) => {
    if (!isBox(event.target)) return;
    const rows = boxes();
    const ends = [rows.indexOf(event.target), event.shiftKey ? rows.indexOf(last) : -1].sort((a, b) => a - b);
    if (ends[0] >= 0) for (const box of rows.slice(ends[0], ends[1] + 1)) box.checked = event.target.checked;
    last = event.target;
  });
  all?.addEventListener("change", () => { for (const box of boxes()) box.checked = all.checked; say(); });
  form.addEventListener("change", () => { say(); ask(); });
  say();
  ask();
}

// Boxes that belong to one choice of several make that choice.
for (const list of document.querySelectorAll("[data-chooses]")) {
  list.addEventListener("change", () => {
    const choice = list.closest("form").querySelector(`input[type="radio"][value="${list.dataset.chooses}"]`);
    if (choice) choice.checked = true;
  });
}

// Whoever marks groups of a playlist means them; whoever wants all of it has all of them.
document.addEventListener("change", ({ target }) => {
  if (target.name === "group") {
    const groups = target.form?.querySelector('input[name="channels"][value="groups"]');
    if (groups) groups.checked = true;
  } else if (target.name === "channels" && target.value === "all") {
    for (const box of target.form?.querySelectorAll('input[name="group"]') ?? []) box.checked = true;
  }
});

// Lists whose order is changed by dragging, with a mouse or a finger; their buttons do the same.
for (const list of document.querySelectorAll("ol[data-sort]")) {
  for (const row of list.querySelectorAll("li[data-id]")) {
    const grip = document.createElement("span");
    grip.className = "grip";
    grip.textContent = "\u22ee\u22ee";
    grip.ariaHidden = "true";
    row.prepend(grip);
    grip.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      grip.setPointerCapture(event.pointerId);
      row.classList.add("held");
    });
    grip.addEventListener("pointermove", (event) => {
      if (!row.classList.contains("held")) return;
      const other = [...list.children].find((one) => {
        const box = one.getBoundingClientRect();
        return one !== row && event.clientY >= box.top && event.clientY <= box.bottom;
      });
      if (!other) return;
      const down = row.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING;
      list.insertBefore(row, down ? other.nextSibling : other);
    });
    grip.addEventListener("lostpointercapture", async () => {
      row.classList.remove("held");
      const order = [...list.querySelectorAll("li[data-id]")].map((one) => Number(one.dataset.id));
      const answer = await fetch(list.dataset.sort, {
        method: "PUT", headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf }, body: JSON.stringify({ order }),
      }).catch(() => null);
      if (!answer?.ok) location.reload();
    });
  }
}

// A logo that does not come leaves its place empty.
addEventListener("error", (event) => { if (event.target.matches?.("img.logo")) event.target.style.visibility = "hidden"; }, true);

// What cannot be undone is asked once more.
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.sure ?? event.target.dataset.sure;
  if (question && !confirm(question)) event.preventDefault();
});

// Addresses to be copied can be reached by the keyboard.
for (const code of document.querySelectorAll("code.copy")) {
  code.tabIndex = 0;
  code.role = "button";
  code.title = "Copy";
  code.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); code.click(); } });
}

// A click on an address copies it. Browsers allow that only to pages they trust; elsewhere it is selected.
document.addEventListener("click", async (event) => {
  const code = event.target.closest("code.copy");
  if (!code) return;
  getSelection().selectAllChildren(code);
  try {
    await navigator.clipboard.writeText(code.textContent);
    code.dataset.copied = "copied";
    setTimeout(() => delete code.dataset.copied, 1500);
  } catch {
    // It stays selected, ready to be copied by hand.
  }
});
