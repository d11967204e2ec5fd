"use strict";
// Shows times in the reader's time zone, and refreshes the page while imports are in progress. Without this
// script times are in UTC, and the browser reloads the page.
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const local = (root) => {
    for (const time of root.querySelectorAll("time")) {
      time.textContent = format.format(new Date(time.dateTime));
    }
    const named = root.querySelector("#zone");
    if (named) named.textContent = zone;
  };
  // A confirmation is shown once: not again by a bookmark or a reload.
  const forget = () => {
    const url = new URL(location.href);
    if (!url.searchParams.has("done")) return;
    url.searchParams.delete("done");
    history.replaceState(null, "", url);
  };
  // Do not refresh while the user fills in a form or selects text.
  const isBusy = () =>
    document.hidden || document.activeElement?.closest("form") || !getSelection().isCollapsed;
  const wait = () => {
    const seconds = document.getElementById("main").dataset.refresh;
    if (seconds) setTimeout(again, seconds * 1000);
  };
  const again = async () => {
    try {
      if (!isBusy()) {
        const answer = await fetch(location.href, { headers: { accept: "text/html" } });
        if (!answer.ok) throw new Error(answer.status);
        const text = await answer.text();
        if (!isBusy()) swap(text);
      }
    } catch {
      const silent = document.getElementById("silent");
      if (silent) silent.hidden = false;
    }
    wait();
  };
  const swap = (text) => {
    const next = new DOMParser().parseFromString(text, "text/html");
    local(next);
    for (const part of ["#verdict", "#main", "footer"]) {
      const [old, fresh] = [document.querySelector(part), next.querySelector(part)];
      if (!old || !fresh || old.innerHTML === fresh.innerHTML) continue;
      const focused = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
      old.replaceChildren(...fresh.childNodes);
      if (focused) old.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
    }
    const main = document.getElementById("main");
    const refresh = next.getElementById("main")?.dataset.refresh;
    if (refresh) main.dataset.refresh = refresh;
    else delete main.dataset.refresh;
  };
  local(document);
  forget();
  wait();
})();
