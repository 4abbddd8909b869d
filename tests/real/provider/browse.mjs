#!/usr/bin/env node
// Drives a real browser through sign-in pages, as a person would: node browse.mjs URL
//
// WHO is the account (alice), PASSWORD its password (pw), CODE what a device shows; DECLINE has it refuse as soon as a
// page lets it. It ends at the redirect, which is plain http to a loopback address, or at a page that asks nothing. What
// it came to is one line of JSON, {"url", "title", "text", "steps"} and perhaps "error", on standard output and at the
// end of the file BROWSE_LOG; BROWSE_SHOT names a PNG file for a picture. Whatever a page says, and when a minute is
// over, it exits with 0: the log tells.

import { appendFileSync, existsSync } from 'node:fs';

import { chromium } from 'playwright-core';

const { WHO = 'alice', PASSWORD = 'pw', CODE = '', DECLINE, BROWSE_LOG, BROWSE_SHOT, CHROMIUM } = process.env;
const PLACES = [CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const DEADLINE = Date.now() + 60_000;
/** How long a page with a form may take to submit it by itself. */
const PATIENCE = 5_000;
/** How often in a row the same may be asked: a page that refuses an answer asks again for ever. */
const MOST_REPEATS = 3;

const ACCOUNT = `button[name=account][value=${JSON.stringify(WHO)}]`;
const NEXT = 'button[name=action][value=next]';
const ACCEPT = 'button[name=action][value=accept]';
// What declines has a name.
const CONTINUE = 'button[type=submit]:not([name])';
const CANCEL = 'button[name=action][value=cancel], button[name=abort], a[href$="/abort"]';
const PASSWORD_TOO = { 'input[name=password]': PASSWORD };

/** What may be asked, in the order of looking; the first that is there and visible is answered. */
const ANSWERS = [
  ...(DECLINE ? [{ see: CANCEL, press: CANCEL }] : []),
  { see: ACCOUNT, press: ACCOUNT },
  { see: 'input[name=username]', fill: { 'input[name=username]': WHO, ...PASSWORD_TOO }, press: NEXT },
  { see: 'input[name=login]', fill: { 'input[name=login]': WHO, ...PASSWORD_TOO }, press: CONTINUE },
  { see: 'input[name=password]', fill: PASSWORD_TOO, press: `${NEXT}, ${CONTINUE}` },
  { see: 'input[name=otc]', fill: { 'input[name=otc]': CODE }, press: `${NEXT}, ${ACCEPT}` },
  { see: 'input[name=user_code]', fill: { 'input[name=user_code]': CODE }, press: CONTINUE },
  { see: ACCEPT, press: ACCEPT },
  { see: NEXT, press: NEXT },
  { see: CONTINUE, press: CONTINUE },
];

const left = () => Math.max(1, DEADLINE - Date.now());

function isRedirect(address) {
  const url = URL.canParse(address) ? new URL(address) : {};
  return url.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
}

/** Answers what the page asks. What that was, if anything. */
async function respond(page) {
  for (const { see, fill = {}, press } of ANSWERS) {
    if (!await page.locator(see).first().isVisible()) continue;
    for (const [field, value] of Object.entries(fill)) {
      const input = page.locator(field).first();
      if (value && await input.isVisible()) await input.fill(value);
    }
    // The next document, or the same address again: either way the frame navigates.
    const predicate = (frame) => frame === page.mainFrame();
    const next = page.waitForEvent('framenavigated', { predicate, timeout: Math.min(left(), 15_000) });
    await Promise.all([next, page.locator(press).first().click({ noWaitAfter: true, timeout: PATIENCE })]);
    return see;
  }
  return undefined;
}

/** Goes on from page to page until there is nothing to do. */
async function walk(page, steps) {
  let since = Date.now();
  while (Date.now() < DEADLINE) {
    if (isRedirect(page.url())) {
      // Received already; a listener that never ends its answer is its own affair.
      await page.waitForLoadState('load', { timeout: PATIENCE }).catch(() => {});
      return;
    }
    try {
      await page.waitForLoadState('load', { timeout: left() });
      const step = await respond(page);
      if (step) {
        steps.push(step);
        since = Date.now();
        if (steps.length >= MOST_REPEATS && steps.slice(-MOST_REPEATS).every((other) => other === step)) return;
        continue;
      }
      if (await page.locator('form').count() === 0 || Date.now() - since > PATIENCE) return;
    } catch (error) {
      // The page went away while it was looked at: a script's doing, and what it leads to is the next page.
      if (!/because of a navigation|context was destroyed|detached/i.test(error.message)) throw error;
    }
    await page.waitForTimeout(50);
  }
}

const browser = await chromium.launch({
  executablePath: PLACES.find((place) => place && existsSync(place)),
  timeout: left(),
  args: [
    // No page leads elsewhere than to this machine; for its certificates alone are errors then ignored.
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE ::1', '--no-proxy-server',
    '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--no-first-run',
  ],
});
const end = { url: process.argv.at(-1), title: '', text: '', steps: [] };
let finished = false;

async function finish() {
  if (finished) return;
  finished = true;
  const line = `${JSON.stringify(end)}\n`;
  if (BROWSE_LOG) appendFileSync(BROWSE_LOG, line);
  process.stdout.write(line);
  await Promise.race([browser.close(), new Promise((resolve) => setTimeout(resolve, 2_000))]);
  process.exit();
}

// Should the browser itself hang.
setTimeout(finish, left() + 2_000);
try {
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  try {
    await page.goto(end.url, { timeout: left() });
    await walk(page, end.steps);
  } catch (error) {
    end.error = error.message.split('\n')[0];
  }
  end.url = page.url();
  end.title = await page.title();
  end.text = (await page.innerText('body', { timeout: PATIENCE })).replace(/\s+/g, ' ').trim().slice(0, 200);
  if (BROWSE_SHOT) await page.screenshot({ path: BROWSE_SHOT });
} catch (error) {
  end.error ??= error.message.split('\n')[0];
}
await finish();
