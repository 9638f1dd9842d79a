"use strict";
// Follows the journal over a WebSocket; what has changed is fetched as the server renders it, escaped.
(() => {
  const { live, run } = document.body.dataset;
  const part = document.getElementById("part"), light = document.getElementById("live");
  let since = Number(document.body.dataset.since), wait = 500, timer = 0, fetching = false, again = false;

  const show = (state, word) => { light.className = "live " + state; light.textContent = word; };

  const isAnswering = () => part.contains(document.activeElement) && document.activeElement.value;

  async function refresh() {
    timer = 0;
    if (fetching || isAnswering()) { again = true; return; }
    fetching = true;
    try {
      const answer = await fetch(live);
      const text = await answer.text();
      if (isAnswering()) {
        again = true;
      } else if (answer.ok) {
        const log = document.getElementById("log"), place = log && log.scrollTop, end = !log || atEnd(log);
        const open = folds().map((fold) => fold.open);
        part.innerHTML = text;
        folds().forEach((fold, place) => { fold.open = open[place] ?? fold.open; });
        const now = document.getElementById("log");
        if (now) now.scrollTop = end ? now.scrollHeight : place;
      }
    } catch { setTimeout(soon, wait); } finally {
      fetching = false;
      if (again) { again = false; soon(); }
    }
  }

  const folds = () => [...part.querySelectorAll("details")];
  const atEnd = (log) => log.scrollTop + log.clientHeight > log.scrollHeight - 20;
  const soon = () => { timer ||= setTimeout(refresh, 200); };

  function connect() {
    const query = new URLSearchParams({ since });
    if (run) query.set("run", run);
    const socket = new WebSocket(`ws://${location.host}/events?${query}`);
    socket.onopen = () => { wait = 500; show("on", "live"); soon(); };
    socket.onmessage = (message) => {
      const entries = JSON.parse(message.data);
      since = entries[entries.length - 1].seq;
      soon();
    };
    socket.onclose = () => {
      show("off", "reconnecting");
      setTimeout(connect, wait);
      wait = Math.min(wait * 2, 5000);
    };
  }

  document.addEventListener("focusout", () => { if (again) soon(); });
  const log = document.getElementById("log");
  if (log) log.scrollTop = log.scrollHeight;
  connect();
})();
