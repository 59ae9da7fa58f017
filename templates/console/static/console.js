// Live updates of the overview. The page says the same without this script, once it
// is loaded anew. What arrives was escaped by the server, as the page was.
"use strict";
(() => {
  const pause = document.getElementById("pause");
  if (!window.EventSource || !pause) return;
  const address = location.pathname.replace(/\/$/, "") + "/live";
  let source = null;

  const replace = (name, html) => {
    const place = document.querySelector(`[data-live="${name}"]`);
    if (!place || place.contains(document.activeElement)) return; // never take the focus away
    const parsed = new DOMParser().parseFromString(`<body>${html}`, "text/html");
    place.replaceChildren(...parsed.body.childNodes);
  };
  const open = () => {
    source = new EventSource(address);
    source.addEventListener("overview", (event) => {
      const parts = JSON.parse(event.data);
      for (const name of Object.keys(parts)) replace(name, parts[name]);
      document.documentElement.dataset.updates = String(Number(document.documentElement.dataset.updates || 0) + 1);
    });
    pause.textContent = "Pause";
  };
  const close = () => {
    if (source) source.close();
    source = null;
    pause.textContent = "Go on";
  };
  pause.hidden = false;
  pause.addEventListener("click", () => (source ? close() : open()));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  open();
})();
