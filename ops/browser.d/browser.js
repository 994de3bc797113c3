// What the scripts share: a browser, and ways to look at a page.
"use strict";
const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const puppeteer = require("puppeteer-core");

exports.DESK = { width: 1280, height: 900 };
exports.PHONE = { width: 390, height: 844, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

exports.launch = () =>
  puppeteer.launch({
    executablePath: process.env.CHROMIUM,
    // As root in a container there is no other way; the pages are our own.
    args: process.getuid() === 0 ? ["--no-sandbox"] : [],
    headless: true,
  });

// What the browser complains of is a failure, wherever it happens.
exports.watched = (page, complaints) => {
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error.message}`));
  return page;
};

exports.text = (page, selector) => page.$eval(selector, (element) => element.textContent.trim().replace(/\s+/g, " "));
exports.count = (page, selector) => page.$$eval(selector, (all) => all.length);
exports.goTo = (page, click) => Promise.all([page.waitForNavigation({ waitUntil: "load" }), click()]);
exports.wide = (page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
exports.shot = async (page, folder, name) => {
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
};
// What of these elements is there on paper.
exports.printed = async (page, selectors) => {
  await page.emulateMediaType("print");
  const seen = await page.evaluate((all) => all.filter((one) => [...document.querySelectorAll(one)].some((element) => element.checkVisibility())), selectors);
  const text = await page.$("pre.text");
  const cut = text ? await text.evaluate((element) => element.scrollHeight > element.clientHeight + 1) : false;
  await page.emulateMediaType("screen");
  return { seen, cut };
};

// What axe-core finds wrong for people who cannot see, or use no mouse (WCAG 2.1 A and AA).
const AXE = fs.readFileSync(require.resolve("axe-core"), "utf8");
exports.accessible = async (page) => {
  for (const value of ["light", "dark"]) await looked(page, value);
};
const looked = async (page, value) => {
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]);
  await page.evaluate(AXE);
  const wrong = await page.evaluate(async () => {
    const { violations } = await axe.run(document, { iframes: false });
    return violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).slice(0, 3).join(" ")}`);
  });
  assert.deepEqual(wrong, [], `${page.url()}, ${value}`);
};

exports.run = (main) =>
  main().catch((error) => {
    console.error(error);
    process.exit(1);
  });
