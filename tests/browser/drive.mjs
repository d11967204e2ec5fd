// Drives a browser: reads commands as JSON from stdin, one per line, and answers each with one line.
// Playwright drives the installed Chromium; axe checks the accessibility of a page.
//
// node drive.mjs FOLDER CHROMIUM, where FOLDER has playwright-core and axe-core in node_modules.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [folder, executablePath] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"].concat(
  ["--disable-background-networking", "--disable-component-update", "--disable-sync"],
);
const browser = await chromium.launch({ executablePath, args: quiet });

let page;
let errors;
// The addresses that a page requested, so that a test can check that it loads nothing from elsewhere.
let asked;
// The requests with their headers as they were sent.
let requests;
const commands = {
  // A new context without the earlier cookies. The earlier page is closed, because it would keep refreshing.
  async open({ width = 1200, dark = false, scripts = true }) {
    await page?.context().close();
    const context = await browser.newContext({
      viewport: { width, height: 900 },
      colorScheme: dark ? "dark" : "light",
      javaScriptEnabled: scripts,
      timezoneId: "America/New_York",
      locale: "en-US",
    });
    page = await context.newPage();
    page.setDefaultTimeout(30_000);
    [errors, asked, requests] = [[], [], []];
    page.on("console", (line) => {
      if (line.type() === "error") errors.push(`${line.text()} (${line.location().url})`);
    });
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("request", (request) => asked.push(request.url()));
    page.on("request", (request) => requests.push(described(request)));
  },
  async go({ url }) {
    return (await page.goto(url)).status();
  },
  // Opens an address as a link of the page would.
  async leave({ url }) {
    await page.evaluate((url) => void (location.href = url), url);
    await page.waitForURL(url);
  },
  async click({ on }) {
    await page.click(on);
    await page.waitForLoadState();
  },
  choose: ({ on, value }) => page.selectOption(on, value),
  press: ({ key }) => page.keyboard.press(key),
  text: ({ of }) => page.innerText(of),
  texts: ({ of }) => page.locator(of).allInnerTexts(),
  // Waits, without a reload, until `of` contains the words.
  until: ({ of, has }) => page.locator(of, { hasText: has }).first().waitFor(),
  focused: () => page.evaluate(() => document.activeElement.innerText),
  url: () => page.url(),
  source: () => page.content(),
  // Whether anything is wider than the page.
  overflow: () => page.evaluate(() => document.documentElement.scrollWidth > innerWidth),
  errors: () => errors,
  asked: () => asked,
  requests: () => Promise.all(requests),
  async axe() {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    return violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes[0].target}`);
  },
  async picture({ file }) {
    await page.screenshot({ path: file, fullPage: true, animations: "disabled" });
  },
};

async function described(request) {
  const { origin = null, referer = null } = await request.allHeaders();
  return { method: request.method(), url: request.url(), origin, referer };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...given } = JSON.parse(line);
  let answer;
  try {
    answer = { is: (await commands[command](given)) ?? null };
  } catch (error) {
    answer = { failed: error.message };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
