// Opens a page in a headless Chromium, light and dark, as wide as a desktop's window and as narrow as a phone, and prints
// what is seen of it as JSON: [{"scheme", "width", "console", "failed", "requests", "wider", "figures", "colours"}, …].
//
//   node open_page.mjs page.html [folder for screenshots]
//
// Chromium is the one that CHROMIUM names, or else the one of package.json, which runs on Linux on x86-64, or else one
// that is installed.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { arch, platform, tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium as driver } from "playwright-core";

const installed = [
  "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

async function browser() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  if (platform() === "linux" && arch() === "x64") {
    // Then it brings the libraries along that a machine without a desktop lacks.
    process.env.AWS_LAMBDA_JS_RUNTIME ??= "nodejs22.x";
    const { default: packed } = await import("@sparticuz/chromium");
    const path = await packed.executablePath();
    useFonts(join(tmpdir(), "fonts"));
    return path;
  }
  const found = installed.find(existsSync);
  if (!found) throw new Error("no Chromium was found: install one, or name it with CHROMIUM=path");
  return found;
}

// The fonts that come along lie where they were unpacked; the settings beside them name only the places where they lie on
// AWS Lambda, and without a font no text is shown.
function useFonts(folder) {
  const settings = `<fontconfig><dir>${folder}</dir><cachedir>${join(folder, "cache")}</cachedir></fontconfig>`;
  writeFileSync(join(folder, "fonts.conf"), settings);
}

// On a busy machine the compositor may not be there yet when the first picture is asked for.
async function take(page, path, attempts = 3) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await page.screenshot({ path, fullPage: true });
    } catch (error) {
      if (attempt === attempts) throw error;
    }
  }
}

const [file, folder] = process.argv.slice(2);
const seen = [];
const opened = await driver.launch({
  executablePath: await browser(),
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  for (const scheme of ["light", "dark"]) {
    for (const width of [1200, 390]) {
      const page = await opened.newPage({ viewport: { width, height: 900 }, colorScheme: scheme });
      const [console, failed, requests] = [[], [], []];
      page.on("console", (message) => console.push(message.text()));
      page.on("pageerror", (error) => console.push(String(error)));
      page.on("requestfailed", (request) => failed.push(request.url()));
      page.on("request", (request) => requests.push(request.url()));
      await page.goto(pathToFileURL(file).href, { waitUntil: "load" });
      if (folder) {
        mkdirSync(folder, { recursive: true });
        await take(page, join(folder, `${scheme}-${width}.png`));
      }
      const facts = await page.evaluate(() => {
        for (const details of document.querySelectorAll("details")) details.open = true;
        const figures = {};
        for (const shown of document.querySelectorAll("[data-figure]")) figures[shown.dataset.figure] = shown.innerText;
        const colours = {};
        for (const [name, selector] of Object.entries({ text: "body", soft: ".note", link: "a", bad: ".status.bad" })) {
          colours[name] = getComputedStyle(document.querySelector(selector)).color;
        }
        colours.paper = getComputedStyle(document.body).backgroundColor;
        return { figures, colours, wider: document.documentElement.scrollWidth > window.innerWidth };
      });
      seen.push({ scheme, width, console, failed, requests, ...facts });
      await page.close();
    }
  }
} finally {
  await opened.close();
}
process.stdout.write(JSON.stringify(seen));
