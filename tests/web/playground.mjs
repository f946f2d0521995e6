// Uses the playground as a person would: node playground.mjs <base-url> [screenshot.png]
import { chromium } from "playwright-core";

import { assert, baseUrl, run, step } from "./common.mjs";

const base = baseUrl();
const screenshot = process.argv[3];

run(async () => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const problems = watch(page);
    try {
      await walk(page, problems);
    } catch (error) {
      // What the page complained of says more than the wait that it made time out.
      assert(problems.length === 0, `${problems.join("\n")}\n${error.message}`);
      throw error;
    } finally {
      if (screenshot) {
        await page.screenshot({ path: screenshot }).catch(() => {});
      }
    }
  } finally {
    await browser.close();
  }
});

/** Collects whatever the page complains of, and requests to any other place than the server. */
function watch(page) {
  const problems = [];
  const { host } = new URL(base);
  const visit = (url) => {
    const { protocol, host: to } = new URL(url);
    if (!["data:", "blob:"].includes(protocol) && to !== host) {
      problems.push(`a request leaves the server: ${url}`);
    }
  };
  page.on("console", (message) => {
    if (message.type() === "error") {
      problems.push(`console: ${message.text()} (${message.location().url})`);
    }
  });
  page.on("pageerror", (error) => problems.push(`page: ${error.stack ?? error}`));
  page.on("request", (request) => visit(request.url()));
  page.on("requestfailed", (request) =>
    problems.push(`request failed: ${request.url()} ${request.failure()?.errorText}`),
  );
  page.on("response", (response) => {
    if (response.status() >= 400) {
      problems.push(`HTTP ${response.status()} for ${response.url()}`);
    }
  });
  page.on("websocket", (socket) => visit(socket.url()));
  return problems;
}

async function walk(page, problems) {
  step("open the playground");
  await page.goto(`${base}/`);
  await page.locator(".graphiql-query-editor .monaco-editor .view-line").first().waitFor();
  assert((await page.title()).includes("Reelgraph"), `its title is ${await page.title()}`);

  step("run the first example");
  await execute(page);
  await response(page, /"status": "(HEALTHY|DEGRADED)"/);

  step("create a job");
  await openTab(page, "CreateJob");
  await execute(page);
  const [job] = await response(page, /job_[\w-]+/);

  step(`follow ${job}`);
  await openTab(page, "FollowJob");
  await setJobId(page, job);
  await execute(page);
  await response(page, /"status": "(COMPLETED|FAILED|CANCELLED)"/, 30_000);
  await response(page, /"status": "COMPLETED"/);

  step("look at the result");
  await openTab(page, "Result");
  await setJobId(page, job);
  await execute(page);
  await response(page, /"url": "http/);

  assert(problems.length === 0, problems.join("\n"));
}

async function openTab(page, title) {
  await page.getByRole("button", { name: title, exact: true }).click();
  await page.waitForTimeout(500); // the editors take the tab's contents after a short delay
}

/** Presses the button that runs the operation of the tab. */
async function execute(page) {
  const button = page.locator(".graphiql-execute-button");
  await button.and(page.locator("[aria-label^='Execute']")).click();
}

/** Waits until the response pane's text matches. */
async function response(page, pattern, timeout = 10_000) {
  const pane = page.locator(".graphiql-response .view-lines");
  const end = Date.now() + timeout;
  for (let text = ""; ; await page.waitForTimeout(50)) {
    // The editor writes a space as U+00A0.
    text = ((await pane.textContent()) ?? "").replaceAll("\u00a0", " ");
    const match = text.match(pattern);
    if (match) {
      return match;
    }
    assert(Date.now() < end, `the response pane does not show ${pattern} but: ${text}`);
  }
}

/** Puts the id into the variables by hand, unless the playground has done so. */
async function setJobId(page, job) {
  const pane = page.locator("[aria-label='Variables'] .graphiql-editor:not(.hidden)");
  const text = await pane.locator(".view-lines").textContent();
  if (text.includes(job)) {
    return;
  }
  const name = text.match(/jobId|id/)[0];
  await pane.locator(".monaco-editor").click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type(JSON.stringify({ [name]: job }));
  await page.keyboard.press("ControlOrMeta+Shift+End"); // what the editor closed by itself
  await page.keyboard.press("Delete");
  await page.waitForTimeout(500);
}
