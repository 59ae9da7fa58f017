// Says when somebody has added a quote, on whichever server: /events sends the
// event "new-quote". Nothing of it is part of the page that is kept.
(function () {
  "use strict";

  var note = document.getElementById("live-note");
  if (!note || !window.EventSource) {
    return;
  }
  var link = note.querySelector("a");

  function show(href, text) {
    link.setAttribute("href", href);
    link.textContent = text;
    note.hidden = false;
  }

  function missed() { show("/", "There may be new quotes."); }

  var source;
  function listen() {
    source = new EventSource("/events");
    source.addEventListener("new-quote", function (event) {
      var quote = JSON.parse(event.data);
      show(quote.url, "New: " + quote.author + ", \u201c" + quote.text + "\u201d");
    });
    // Some may have come while there was no connection.
    source.addEventListener("missed", missed);
  }

  listen();
  window.addEventListener("pagehide", function () { source.close(); });
  window.addEventListener("pageshow", function (event) {
    if (event.persisted) { // the browser has kept the page, not the connection
      missed();
      listen();
    }
  });
})();
