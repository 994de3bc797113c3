// What a journalist does: search, narrow, turn the page, open a hit at its page; on a desk and on a phone.
"use strict";
const assert = require("node:assert");
const { DESK, PHONE, accessible, count, goTo, launch, printed, run, shot: shoot, text, watched, wide } = require("./browser.js");

const [url, shots] = process.argv.slice(2);
const shot = (page, name) => shoot(page, shots, name);

async function main() {
  const browser = await launch();
  const complaints = [];
  try {
    const page = watched(await browser.newPage(), complaints);
    await page.setViewport(DESK);
    await page.setExtraHTTPHeaders({ "Accept-Language": "pt-BR,pt;q=0.9" });

    await page.goto(url);
    await shot(page, "welcome");
    await accessible(page);
    assert.match(await text(page, ".welcome"), /diários oficia/);

    // By keyboard alone: the first stop leads past the navigation, the form is sent by Enter.
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
    await page.type("#q", "pregão eletrônico");
    await goTo(page, () => page.keyboard.press("Enter"));
    assert.match(await text(page, ".summary"), /diários encontrados/);
    assert.equal(await count(page, ".hit"), 10);
    assert.ok((await count(page, ".hit mark")) >= 10, "passages are marked");
    assert.ok((await count(page, ".totals svg rect")) >= 2, "bars are drawn");
    assert.ok((await wide(page)) <= 0, "no sideways scrolling");
    await shot(page, "search");
    await accessible(page);

    const onPaper = await printed(page, ["form", "header.site", ".paging", ".on-paper", ".hit", "mark"]);
    assert.deepEqual(onPaper.seen, [".on-paper", ".hit", "mark"], "what was found, and what was sought");

    const first = await text(page, ".hit h2");
    await goTo(page, () => page.click(".paging a[rel=next]"));
    assert.match(page.url(), /page=2/);
    assert.notEqual(await text(page, ".hit h2 + p + ul"), first);
    await goTo(page, () => page.click(".paging a[rel=prev]"));

    // A filter by the form, one by a bar, and one taken away.
    await page.click(".filters summary");
    await page.select("#sort", "newest");
    await goTo(page, () => page.click("button[type=submit]"));
    assert.ok(page.url().endsWith("?q=preg%C3%A3o+eletr%C3%B4nico&sort=newest"), `an address to keep: ${page.url()}`);
    const dates = await page.$$eval(".hit time", (all) => all.map((one) => one.dateTime));
    assert.deepEqual(dates, [...dates].sort().reverse(), "the newest first");
    const before = Number(await text(page, ".summary strong"));
    await goTo(page, () => page.click(".totals .bars a"));
    assert.equal(await count(page, ".chips li"), 1);
    const after = Number(await text(page, ".summary strong"));
    assert.ok(after > 0 && after < before, `${after} of ${before}`);
    await shot(page, "narrowed");
    await accessible(page);
    await goTo(page, () => page.click(".chips a"));
    assert.equal(Number(await text(page, ".summary strong")), before);

    // A hit opens the file at its page.
    const hit = await page.$$eval(".passages a.page", (all) => all.map((one) => one.href).sort().pop());
    assert.match(hit, /\/gazettes\/\d+\/file#page=[2-9]$/, "a hit beyond the first page");
    const file = await browser.newPage();
    const answer = await file.goto(hit);
    assert.equal(answer.headers()["content-type"], "application/pdf");
    assert.match(file.url(), /#page=\d+$/);
    await file.close();

    // Its page: the text beside the file, turned with the same word marked.
    await goTo(page, () => page.click(".hit .meta a"));
    assert.ok((await count(page, "pre.text mark")) > 0, "what was searched is marked in the text");
    assert.match(await page.$eval(".document iframe", (frame) => frame.src), /file#page=\d+/);
    await new Promise((resume) => setTimeout(resume, 2500)); // the viewer draws when it likes
    await shot(page, "gazette");
    await accessible(page);
    const paper = await printed(page, [".document", ".turning", ".back", "h1", "#page-heading", "pre.text", "dl"]);
    assert.deepEqual(paper, { seen: ["h1", "#page-heading", "pre.text", "dl"], cut: false }, "all of the page's text on paper");
    if (await page.$(".turning a[rel=next]")) {
      await goTo(page, () => page.click(".turning a[rel=next]"));
      assert.match(page.url(), /page=\d+/);
    }

    // Filters alone; and from a gazette back to what was found, as it was.
    const filtered = `${url}?territory=Serra+Clara&sort=oldest`;
    await page.goto(filtered);
    assert.ok((await count(page, ".hit")) > 0, "a town's gazettes without a word");
    await goTo(page, () => page.click(".hit .meta a"));
    await goTo(page, () => page.click(".back a"));
    assert.equal(page.url(), filtered);

    await page.goto(`${url}painel`);
    assert.match(await text(page, "#history"), /Últimas execuções/);
    await accessible(page);

    await page.goto(`${url}?q=palavrainexistente&state=AL`);
    assert.match(await text(page, ".help"), /Nada encontrado/);
    await shot(page, "nothing");
    await accessible(page);
    // A mistake is told with the form to correct it, and in the words of the form.
    await page.goto(`${url}?q=preg%C3%A3o&from=ontem&territory=Xanadu`);
    assert.match(await text(page, "[role=alert]"), /“De” deve ser uma data.*“Xanadu”/);
    const places = await page.$$eval("[role=alert], form.search", (all) => all.map((one) => one.className));
    assert.deepEqual(places, ["mistakes", "search"], "above the form, where a phone shows it");
    await shot(page, "mistakes");
    await accessible(page);

    // Words that are added to filters alone are ranked.
    await page.goto(`${url}?territory=Serra+Clara`);
    assert.match(await text(page, ".summary"), /os mais recentes primeiro/);
    await page.type("#q", "pregão");
    await goTo(page, () => page.keyboard.press("Enter"));
    assert.ok(page.url().endsWith("?q=preg%C3%A3o&territory=Serra+Clara"), page.url());

    await page.goto(`${url}?q=preg%C3%A3o&lang=en`);
    assert.match(await text(page, ".summary"), /gazettes found/);

    // A phone, without scripts.
    const phone = watched(await browser.newPage(), complaints);
    await phone.setJavaScriptEnabled(false);
    await phone.setViewport(PHONE);
    await phone.setExtraHTTPHeaders({ "Accept-Language": "pt-BR" });
    await phone.goto(`${url}?q=%22preg%C3%A3o+eletr%C3%B4nico%22`);
    assert.ok((await count(phone, ".hit")) > 0);
    await shot(phone, "search-phone");
    await phone.goto(await phone.$eval(".hit .meta a", (link) => link.href));
    await shot(phone, "gazette-phone");
    await phone.setJavaScriptEnabled(true);
    for (const path of ["", "?q=preg%C3%A3o&state=MG", "painel", new URL(phone.url()).pathname.slice(1)]) {
      await phone.goto(url + path);
      await accessible(phone);
      assert.ok((await wide(phone)) <= 0, `no sideways scrolling on a phone: ${path}`);
    }
    // Whatever is in a text or a name.
    const others = ["h1", ".hit h2 a", ".meta span", ".passages .text", ".chips a", ".bars th a", ".mistakes p", "q", ".back a", ".onward a", "pre.text", "dd", ".detail", "td.key"];
    for (const path of ["?q=preg%C3%A3o&state=MG", "?q=nada&state=MG", "?q=a&from=x", new URL(phone.url()).pathname.slice(1) + "?q=preg%C3%A3o", "painel/falhas/EMPTY_OBJECT"]) {
      await phone.goto(url + path);
      const changed = await phone.$$eval(others.join(), (all) => all.map((one) => (one.textContent = "W".repeat(900))).length);
      assert.ok(changed > 0 && (await wide(phone)) <= 0, `no sideways scrolling for long words: ${path}`);
    }
    assert.deepEqual(complaints.filter((one) => !one.includes("400")), [], "the browser complains of nothing");
    console.log("the search page works in a browser");
  } finally {
    await browser.close();
  }
}

run(main);
