// Without a build step nobody links the pages' parts but the browser: that they fit is looked at here.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const STATIC = fileURLToPath(new URL("../../portal/static", import.meta.url));
const VENDOR = join(STATIC, "vendor");
// One line or several, with or without names.
const IMPORT = /^(?:import|export)\s+(?:([^;"']*?)\s+from\s+)?["']([^"']+)["'];/gmu;
const EXPORT = /^export\s+(?:async\s+)?(?:function\*?|class|const|let)\s+(\w+)/gmu;

function files(directory, ending) {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (path === VENDOR) return [];
    if (entry.isDirectory()) return files(path, ending);
    return path.endsWith(ending) ? [path] : [];
  });
}

function text(path) {
  return readFileSync(path, "utf8");
}

function namesOf(clause) {
  const braces = /\{([^}]*)\}/u.exec(clause ?? "");
  return (braces?.[1] ?? "")
    .split(",")
    .map((name) => name.trim().split(/\s+as\s+/u)[0])
    .filter(Boolean);
}

function exportedBy(path) {
  const source = text(path);
  const named = [...source.matchAll(EXPORT)].map(([, name]) => name);
  const listed = [...source.matchAll(/^export\s*\{([^}]*)\}/gmu)].flatMap(([, list]) =>
    list.split(",").map((name) =>
      name
        .trim()
        .split(/\s+as\s+/u)
        .pop(),
    ),
  );
  return new Set([...named, ...listed]);
}

const SCRIPTS = files(join(STATIC, "js"), ".js");
const PAGES = files(join(STATIC, "pages"), ".html");
const SHEETS = files(join(STATIC, "css"), ".css");

test("every import names a file that there is, and something that it exports", () => {
  let seen = 0;
  for (const path of SCRIPTS) {
    for (const [, clause, target] of text(path).matchAll(IMPORT)) {
      const file = target.startsWith("/static/")
        ? join(STATIC, target.slice("/static/".length))
        : resolve(dirname(path), target);
      if (file.startsWith(VENDOR)) continue;
      assert.ok(existsSync(file), `${path} imports ${target}`);
      const exported = exportedBy(file);
      for (const name of namesOf(clause))
        assert.ok(exported.has(name), `${path} imports ${name} of ${target}`);
      seen += 1;
    }
  }
  assert.ok(seen > 50);
});

test("what pages and sheets load is there, and ours", () => {
  for (const path of PAGES) {
    const loaded = [...text(path).matchAll(/(?:src|href)="(\/static\/[^"]+)"/gu)].map(([, url]) => url);
    assert.ok(loaded.length > 2, path);
    for (const url of loaded)
      assert.ok(statSync(join(STATIC, url.slice("/static/".length))).isFile(), `${path}: ${url}`);
  }
  for (const path of SHEETS) {
    for (const [, name] of text(path).matchAll(/@import url\("([^"]+)"\)/gu))
      assert.ok(existsSync(resolve(dirname(path), name)), `${path}: ${name}`);
  }
});

test("pages have no script or style of their own, which the policy of the portal would refuse", () => {
  for (const path of PAGES) {
    const html = text(path);
    assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=/u, path);
    assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)/u, path);
    assert.match(html, /<html lang="en"/u, path);
    assert.match(html, /<title>[^<]+<\/title>/u, path);
  }
});

test("nothing is fetched from elsewhere, and no text is read as HTML", () => {
  for (const path of [...SCRIPTS, ...PAGES, ...SHEETS]) {
    const found = text(path).replaceAll("http://www.w3.org/2000/svg", "");
    assert.doesNotMatch(found, /["'(]https?:\/\/(?!\$)/u, path);
    assert.doesNotMatch(found, /\b(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\()/u, path);
  }
});

test("no sheet uses a value that none defines", () => {
  const defined = new Set(
    SHEETS.flatMap((path) => [...text(path).matchAll(/(--[\w-]+):/gu)].map(([, name]) => name)),
  );
  for (const path of SHEETS) {
    for (const [, name, fallback] of text(path).matchAll(/var\((--[\w-]+)(,)?/gu)) {
      assert.ok(fallback || defined.has(name), `${path}: ${name}`);
    }
  }
});
