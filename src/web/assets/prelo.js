// Names of territories while one types, where there are too many for the page. Everything works without.
"use strict";
const field = document.querySelector("input[data-suggestions]");
const list = field && field.list;
let wanted = 0;
if (list) {
  field.addEventListener("input", async () => {
    const mine = ++wanted;
    await new Promise((resume) => setTimeout(resume, 150));
    if (mine !== wanted || field.value.length < 2) return;
    const answer = await fetch(field.dataset.suggestions + "?q=" + encodeURIComponent(field.value));
    if (!answer.ok || mine !== wanted) return;
    const names = await answer.json();
    list.replaceChildren(
      ...names.map((name) => {
        const option = document.createElement("option");
        option.value = name;
        return option;
      }),
    );
  });
}
