// What whoever is on call does: looks at a run at work, at what failed, and has it tried again.
"use strict";
const assert = require("node:assert");
const { DESK, PHONE, accessible, count, goTo, launch, run, shot, text, watched, wide } = require("./browser.js");

const [url, shots, token] = process.argv.slice(2);
const lasts = (page) => page.evaluate(() => document.querySelector("h1").parentElement.textContent.match(/há ([\d.,]+\s?\w+)/)?.[1]);

async function main() {
  const browser = await launch();
  const complaints = [];
  try {
    const page = watched(await browser.newPage(), complaints);
    await page.setViewport({ ...DESK, height: 1800 });
    await page.setExtraHTTPHeaders({ "Accept-Language": "pt-BR" });

    // A run at work: it reads a scan.
    await page.goto(`${url}painel`);
    const reads = () => [...document.querySelectorAll("tbody tr")].some((row) => /\.pdf.*OCR/.test(row.textContent));
    await page.waitForFunction(reads, { timeout: 40000 });
    const all = await text(page, "main");
    for (const word of ["em execução", "Texto digital", "Digitalizações (OCR)", "Memória", "limite", "Há mais tempo em andamento", "OCR", "responde"]) {
      assert.ok(all.includes(word), `no ${word} in ${all}`);
    }
    assert.ok((await count(page, "main svg")) >= 1, "memory over time is drawn");
    await shot(page, shots, "dashboard");
    await accessible(page);

    // It goes on by itself.
    const before = await lasts(page);
    assert.ok(before, "since when it runs");
    await page.waitForFunction((told) => !document.querySelector("h1").parentElement.textContent.includes(`há ${told}`), { timeout: 15000 }, before);

    await page.$$eval("[data-live]", (parts) => parts.forEach((part) => part.setAttribute("data-old", "")));
    await page.waitForFunction(() => !document.querySelector("[data-old]"), { timeout: 15000 });
    assert.equal(await count(page, "[data-live]"), 3, "the run, failures and history, all of them renewed");

    // What failed, by code; and nobody without the token has it tried again.
    assert.ok(!all.includes("Tentar de novo"));
    await goTo(page, () => page.click("a[href*='/painel/falhas/EMPTY_OBJECT']"));
    assert.ok((await count(page, "tbody tr")) >= 1);
    await accessible(page);
    await page.goto(`${url}painel`);
    const entrance = "form[action*='/painel/entrar']";
    await page.$eval(`${entrance} input[name=token]`, (input) => input.closest("details")?.setAttribute("open", ""));
    await page.type(`${entrance} input[name=token]`, token);
    await goTo(page, () => page.keyboard.press("Enter"));
    assert.match(await text(page, "main"), /Tentar de novo/);
    await accessible(page);
    const again = (await page.$$("form[action*='/painel/reprocessar']")).at(-1);
    const button = await again.$("button");
    await goTo(page, () => button.click());
    assert.match(await text(page, "main"), /(será lido|serão lidos) de novo/);

    // The same on a phone.
    await page.setViewport(PHONE);
    await page.goto(`${url}painel`);
    await accessible(page);
    assert.ok((await wide(page)) <= 0, "no sideways scrolling on a phone");
    await page.setViewport(DESK);

    // The run ends, and its page stays.
    await page.waitForFunction(() => document.querySelector("h1").parentElement.textContent.includes("parado"), { timeout: 90000 });
    await goTo(page, () => page.click("a[href*='/painel/execucoes/']"));
    assert.match(await text(page, "main"), /Execução de/);
    await accessible(page);
    assert.deepEqual(complaints, [], "the browser complains of nothing");
    console.log("the dashboard works in a browser");
  } finally {
    await browser.close();
  }
}

run(main);
