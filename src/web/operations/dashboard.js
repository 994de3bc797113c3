// Brings the moving parts of the page up to date. Without a script the page is loaded anew instead.
"use strict";
let failures = 0;
async function refresh() {
  const live = document.getElementById("live");
  const every = Number(live && live.dataset.every) || 0;
  if (every === 0) return;
  if (!document.hidden) {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!answer.ok) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-live]")) {
        const fresh = page.getElementById(part.id);
        // Whoever is about to press a button there keeps it.
        if (fresh && !part.contains(document.activeElement)) part.replaceWith(fresh);
      }
      failures = 0;
    } catch {
      failures += 1;
    }
  }
  setTimeout(refresh, every * 1000 * Math.min(1 + failures, 10));
}
setTimeout(refresh, 3000);
