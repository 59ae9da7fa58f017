// Fills the bar at the bottom from the Server-Timing header of this page. What
// the header says differs from visit to visit; the page itself does not.
(function () {
  "use strict";

  var bar = document.getElementById("cache-bar");
  var visit = window.performance && performance.getEntriesByType && performance.getEntriesByType("navigation")[0];
  if (!bar || !visit || !visit.serverTiming || !visit.serverTiming.length) {
    return;
  }

  var timing = {};
  visit.serverTiming.forEach(function (entry) {
    timing[entry.name] = entry;
  });
  if (!timing.cache) {
    return;
  }

  var outcome = timing.cache.description;
  var age = timing.age ? Math.round(timing.age.duration / 1000) : 0;
  var render = timing.render ? timing.render.duration : 0;
  var store = timing.store ? timing.store.description : "";

  function ago(seconds) {
    if (seconds < 1) { return "just now"; }
    if (seconds < 60) { return seconds + " s ago"; }
    if (seconds < 3600) { return Math.floor(seconds / 60) + " min ago"; }
    return Math.floor(seconds / 3600) + " h ago";
  }

  function milliseconds(ms) {
    return ms < 10 ? ms.toFixed(1) : String(Math.round(ms));
  }

  function say(field, text) {
    bar.querySelector('[data-field="' + field + '"]').textContent = text;
  }

  var words = { hit: "Hit", miss: "Miss" };
  bar.setAttribute("data-cache", outcome);
  bar.setAttribute("data-age", String(age));
  bar.setAttribute("data-render", String(render));
  bar.setAttribute("data-store", store);
  say("outcome", words[outcome] || "Not kept");
  say("age", "made " + ago(age));
  say("render", "in " + milliseconds(render) + " ms");
  if (outcome === "hit") { say("store", "from " + store); }
  if (outcome === "miss") { say("store", "kept in " + store); }
  bar.hidden = false;
  document.documentElement.classList.add("has-bar");
})();
