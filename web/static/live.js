// Keeps the page up to date. The server renders; this puts changed rows in their places, so that what is open, selected or
// focused elsewhere stays as it is. Without it the page is as true as when it was loaded.

/** Makes the children of `region` those of `html`. Rows are known by their data-key; equal ones are not touched. */
function patch(region, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const known = new Map([...region.children].map((row) => [row.dataset.key, row]));
  let place = region.firstElementChild;
  for (const fresh of [...template.content.children]) {
    const old = known.get(fresh.dataset.key);
    known.delete(fresh.dataset.key);
    let row = fresh;
    if (old && old.isEqualNode(fresh)) {
      row = old;
    } else if (old) {
      if (old === place) place = old.nextElementSibling;
      old.remove();
    }
    if (row === place) place = place.nextElementSibling;
    else region.insertBefore(row, place);
  }
  for (const gone of known.values()) gone.remove();
}

const following = document.getElementById("following");

function say(state, text) {
  following.hidden = false;
  if (following.dataset.state === state) return;
  following.dataset.state = state;
  following.textContent = text;
}

function follow() {
  const events = new EventSource("/live" + location.search);
  events.addEventListener("patch", (event) => {
    say("live", "live");
    for (const [id, html] of Object.entries(JSON.parse(event.data))) {
      const region = document.getElementById(id);
      if (region) patch(region, html);
    }
  });
  events.addEventListener("error", () => {
    say("lost", "not connected");
    // A server that refuses (too many pages) closes for good: try again later.
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, 10_000);
  });
  addEventListener("pagehide", () => events.close(), { once: true });
}

// Back from the browser's cache: the stream was closed, and time has passed.
addEventListener("pageshow", (event) => { if (event.persisted) follow(); });
follow();
