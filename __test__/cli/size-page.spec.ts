// The page of `flavor size --html`, looked at in a browser: areas, keys, names, colours, narrow windows, and that nothing
// leaves the machine. FLAVOR_TEST_SCREENSHOTS names a folder for pictures of it, for people.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { size, sizePage } from '../../dist/index.js';
import { browserAbsence, browser as pinned } from '../fetch/browser.mjs';
import { Workshop } from './command.js';
import { HOSTILE, HOSTILE_FOLDER, sizedPackage } from './sized-package.js';

const absence = browserAbsence();
const workshop = new Workshop();
const home = mkdtempSync(join(tmpdir(), 'flavor-browser-'));
let file: string;
let html: string;
let browser: Browser;
let page: Page;
/** Requests of the page besides the one for itself, and what went wrong on it. */
let requests: string[];
let problems: string[];

describe.skipIf(absence !== undefined)(`the page of flavor size${absence === undefined ? '' : ` (${absence})`}`, () => {
  beforeAll(async () => {
    file = await sizedPackage(workshop);
    const ended = await workshop.flavor(['size', '--html', 'out/size.html', file]);
    expect(ended.exitCode, ended.stderr).toBe(0);
    expect(ended.stderr).toBe('flavor: note: the map is in <folder>/out/size.html\n');
    html = join(workshop.folder, 'out', 'size.html');
    const { env, ...options } = pinned();
    browser = await chromium.launch({ ...options, env: { ...env, HOME: home, PATH: process.env['PATH'] ?? '' } });
  });
  afterAll(async () => {
    await browser?.close();
    workshop.remove();
    rmSync(home, { recursive: true, force: true });
  });

  beforeEach(async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' });
    page = await context.newPage();
    requests = [];
    problems = [];
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('dialog', (dialog) => {
      problems.push(dialog.message());
      void dialog.dismiss();
    });
    await page.goto(pathToFileURL(html).href);
    requests = requests.filter((url) => url !== pathToFileURL(html).href);
  });
  afterEach(async () => {
    await page.context().close();
  });

  /** Opens a part by its line in the table. */
  const open = (name: string): Promise<void> =>
    page.locator('#parts').getByRole('button', { name, exact: true }).click();

  /** A picture for people, where somebody wants one. */
  async function picture(name: string): Promise<void> {
    const folder = process.env['FLAVOR_TEST_SCREENSHOTS'];
    if (folder === undefined) return;
    mkdirSync(folder, { recursive: true });
    await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  }

  interface Rectangle {
    readonly stored: number;
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  }

  /** The rectangles of the first level, and the map that they lie in. */
  async function rectangles(): Promise<{ parts: Rectangle[]; map: Rectangle }> {
    return page.evaluate(() => {
      const measured = (element: Element): Rectangle => {
        const { x, y, width, height } = element.getBoundingClientRect();
        return { stored: Number(element.getAttribute('data-stored')), x, y, width, height };
      };
      const map = document.querySelector('#map') as Element;
      return { parts: [...map.children].map(measured), map: measured(map) };
    });
  }

  test('has a rectangle for each part, with areas in proportion to stored bytes, that fill the map and do not overlap', async () => {
    const { tree } = await size(file, { advice: false });
    for (const name of [undefined, 'dependencies', 'big 2.0', 'big']) {
      if (name !== undefined) await open(name);
      const { parts, map } = await rectangles();
      const total = parts.reduce((sum, { stored }) => sum + stored, 0);
      if (name === undefined) expect(total).toBe(tree.storedBytes);
      expect(parts.length).toBeGreaterThan(1);
      for (const { stored, width, height } of parts) {
        const share = (width * height) / (map.width * map.height);
        expect(Math.abs(share - stored / total)).toBeLessThan(0.002);
      }
      for (const [position, one] of parts.entries()) {
        for (const other of parts.slice(position + 1)) {
          const across = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
          const down = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
          expect(Math.min(across, down)).toBeLessThan(0.1);
        }
      }
    }
  });

  test('shows names as texts whatever is in them', async () => {
    await open('models');
    await picture('names');
    const texts = await page.locator('#parts tbody th').allInnerTexts();
    const shown = HOSTILE.replace('\u202e', String.raw`\u{202e}`).replace('\u001b[31m', '');
    expect(texts.map((text) => text.trim())).toEqual(expect.arrayContaining([shown, HOSTILE_FOLDER]));
    expect(await page.locator('img, #map script, #parts script').count()).toBe(0);
    expect(await page.title()).toBe('Size of sized 1.0.0');
    expect(problems).toEqual([]);
    expect(readFileSync(html, 'utf8')).not.toContain('<img');
  });

  test('asks nobody for anything, and its policy would not let it', async () => {
    await open('runtime');
    expect(requests).toEqual([]);
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const outcomes = await page.evaluate(async (url) => {
        const image = new Promise<string>((resolve) => {
          const element = document.createElement('img');
          element.onerror = () => resolve('refused');
          element.onload = () => resolve('loaded');
          element.src = `${url}/image.png`;
        });
        const script = new Promise<string>((resolve) => {
          const element = document.createElement('script');
          element.onerror = () => resolve('refused');
          element.onload = () => resolve('loaded');
          element.src = `${url}/script.js`;
          document.head.append(element);
        });
        const fetched = fetch(`${url}/data`, { mode: 'no-cors' }).then(
          () => 'loaded',
          () => 'refused',
        );
        return Promise.all([image, script, fetched]);
      }, address);
      expect(outcomes).toEqual(['refused', 'refused', 'refused']);
      expect(asked).toEqual([]);
    } finally {
      server.close();
    }
  });

  test('can be walked through with keys alone, and says where one is', async () => {
    const named = (): Promise<string> => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');
    await page.locator('#map > .part').first().focus();
    expect(await named()).toMatch(/^dependencies: .* of the package, .*, opens$/);
    expect(await page.locator('#about').innerText()).toMatch(/^dependencies: /);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    const third = await named();
    expect(third).toMatch(/^runtime: /);
    await page.keyboard.press('Enter');
    expect(await page.locator('#place [aria-current]').innerText()).toBe('runtime');
    expect(await page.locator('#map > .part').count()).toBe(3);
    await page.keyboard.press('Escape');
    expect(await page.locator('#place [aria-current]').innerText()).toBe('sized');
    expect(await named()).toBe(third);
    // One stop of the tab key for the whole map.
    expect(await page.locator('#map > .part[tabindex="0"]').count()).toBe(1);
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.closest('table')?.id)).toBe('parts');
  });

  test('has the same in a table, for who sees no map', async () => {
    const outline = await page.locator('main').ariaSnapshot();
    expect(outline).toContain('table "Parts, the largest first"');
    expect(outline).toMatch(/rowheader "dependencies"/);
    expect(outline).toContain('navigation "Place in the package"');
    expect(outline).toContain('heading "What could go"');
    // Rectangles inside of others are a picture only.
    expect(await page.locator('#map .part .part:not([aria-hidden])').count()).toBe(0);
    expect(await page.locator('th:not([scope])').count()).toBe(0);
  });

  /** Contrast of two colours (WCAG 2). */
  function contrast(one: readonly number[], other: readonly number[]): number {
    const luminance = (color: readonly number[]): number => {
      const [red = 0, green = 0, blue = 0] = color.map((value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((left, right) => right - left);
    return (light + 0.05) / (dark + 0.05);
  }

  test.each(['light', 'dark'] as const)('can be read in %s colours', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    const colors = await page.evaluate(() => {
      const rgb = (text: string): number[] => (text.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
      const of = (element: Element): { ink: number[]; paper: number[] } => {
        const { color, backgroundColor } = getComputedStyle(element);
        return { ink: rgb(color), paper: rgb(backgroundColor) };
      };
      return [document.body, ...document.querySelectorAll('#map > .part')].map(of);
    });
    const [body] = colors;
    const isDark = (body?.paper.reduce((sum, value) => sum + value, 0) ?? 0) < 3 * 128;
    expect(isDark).toBe(colorScheme === 'dark');
    for (const { ink, paper } of colors) expect(contrast(ink, paper)).toBeGreaterThan(4.5);
    await picture(colorScheme);
  });

  test('fits a telephone', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await expect
      .poll(async () => {
        const { map, parts } = await rectangles();
        return parts.every(({ x, width }) => x + width <= map.x + map.width + 0.5) && map.width < 360;
      })
      .toBe(true);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    await picture('narrow');
  });

  test('of an older run is replaced, and the library renders the same', async () => {
    const before = readFileSync(html, 'utf8');
    const ended = await workshop.flavor(['size', '-q', '--html', html, file]);
    expect([ended.exitCode, ended.stderr]).toEqual([0, '']);
    expect(readFileSync(html, 'utf8')).toBe(before);
    expect(sizePage(await size(file))).toBe(before);
  });
});
