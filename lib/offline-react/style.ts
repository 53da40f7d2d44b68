/**
 * The default look. `:where` weighs nothing, so each rule of an app's own wins; colours are variables. It is a style sheet that a script makes, which a
 * Content-Security-Policy has nothing against, and it is in a page once.
 */
import { useInsertionEffect } from 'react';

const STYLE = `
:where(.pathcast-conflict, .pathcast-badge, .pathcast-refused) {
  --pc-text: var(--pathcast-text, CanvasText); --pc-back: var(--pathcast-back, Canvas); --pc-accent: var(--pathcast-accent, #1f5fbf); --pc-on-accent: var(--pathcast-on-accent, #fff);
  --pc-line: var(--pathcast-line, color-mix(in srgb, var(--pc-text) 22%, transparent)); --pc-faint: var(--pathcast-faint, color-mix(in srgb, var(--pc-text) 68%, var(--pc-back)));
  --pc-warn: var(--pathcast-warn, light-dark(#8a4b00, #ffb454)); --pc-bad: var(--pathcast-bad, light-dark(#a8201a, #ff8f87)); --pc-good: var(--pathcast-good, light-dark(#1b6e3c, #6fd08c));
  --pc-radius: var(--pathcast-radius, 10px);
  box-sizing: border-box; font: inherit; line-height: 1.45; color: var(--pc-text);
}
:where(.pathcast-conflict, .pathcast-badge, .pathcast-refused) *, :where(.pathcast-conflict) *::before { box-sizing: border-box; }
:where(.pathcast-conflict) { width: min(44rem, calc(100vw - 1.5rem)); max-height: calc(100dvh - 1.5rem); margin: auto; padding: 0; border: 1px solid var(--pc-line); border-radius: calc(var(--pc-radius) + 4px); background: var(--pc-back); box-shadow: 0 18px 60px rgb(0 0 0 / .3); overflow: hidden; }
:where(.pathcast-conflict[open]) { display: flex; flex-direction: column; }
:where(.pathcast-conflict)::backdrop { background: rgb(0 0 0 / .45); }
:where(.pathcast-conflict-head) { padding: 1.1rem 1.25rem .8rem; }
:where(.pathcast-conflict-title) { margin: 0; font-size: 1.2em; line-height: 1.3; font-weight: 650; outline: none; }
:where(.pathcast-conflict-row) { margin: .15rem 0 0; font-weight: 600; overflow-wrap: anywhere; }
:where(.pathcast-conflict-intro) { margin: .3rem 0 0; color: var(--pc-faint); }
:where(.pathcast-conflict-fields) { display: grid; gap: 1rem; padding: .2rem 1.25rem 1rem; overflow-y: auto; min-height: 0; }
:where(.pathcast-conflict-field) { display: grid; gap: .6rem; margin: 0; padding: 0; border: 0; min-width: 0; }
:where(.pathcast-conflict-field) > legend { padding: 0; margin-bottom: .3rem; font-weight: 650; }
:where(.pathcast-conflict-meta) { margin: 0; color: var(--pc-faint); font-size: .92em; white-space: pre-line; overflow-wrap: anywhere; }
:where(.pathcast-conflict-sides) { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 15rem), 1fr)); gap: .6rem; }
:where(.pathcast-conflict-side) { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .15rem .55rem; align-content: start; align-items: center; padding: .65rem .8rem; border: 1px solid var(--pc-line); border-radius: var(--pc-radius); min-width: 0; }
:where(label.pathcast-conflict-side) { cursor: pointer; }
:where(.pathcast-conflict-side[data-chosen=true]) { border-color: var(--pc-accent); box-shadow: inset 0 0 0 1px var(--pc-accent); }
:where(.pathcast-conflict-side) > input { margin: 0; accent-color: var(--pc-accent); }
:where(.pathcast-conflict-word) { font-weight: 600; grid-column: 2; }
:where(.pathcast-conflict-side) > .pathcast-conflict-word:first-child { grid-column: 1 / -1; }
:where(.pathcast-conflict-value) { grid-column: 1 / -1; white-space: pre-wrap; overflow-wrap: anywhere; }
:where(.pathcast-conflict-none) { color: var(--pc-faint); font-style: italic; }
:where(.pathcast-conflict-text) { grid-column: 1 / -1; width: 100%; min-height: 5.5em; margin-top: .3rem; padding: .5rem .6rem; font: inherit; color: inherit; background: transparent; border: 1px solid var(--pc-line); border-radius: calc(var(--pc-radius) - 3px); resize: vertical; }
:where(.pathcast-conflict-overlap) { grid-column: 1 / -1; margin: 0; color: var(--pc-warn); font-size: .92em; }
:where(.pathcast-conflict-failed) { margin: 0; padding: 0 1.25rem .7rem; color: var(--pc-bad); }
:where(.pathcast-conflict-actions) { display: flex; flex-wrap: wrap; gap: .5rem; padding: .8rem 1.25rem 1rem; border-top: 1px solid var(--pc-line); }
:where(.pathcast-conflict-actions, .pathcast-refused > *) > button { flex: 0 1 auto; min-height: 2.6em; padding: .35em 1em; font: inherit; font-weight: 600; color: inherit; background: transparent; border: 1px solid var(--pc-line); border-radius: calc(var(--pc-radius) - 2px); cursor: pointer; }
:where(.pathcast-conflict-actions) > button:first-child { margin-inline-end: auto; border-color: transparent; color: var(--pc-faint); }
:where(.pathcast-conflict-actions) > button[data-action=merge] { background: var(--pc-accent); border-color: var(--pc-accent); color: var(--pc-on-accent); }
:where(.pathcast-conflict-actions) > button[aria-disabled] { opacity: .45; cursor: default; }
:where(.pathcast-conflict, .pathcast-refused) :focus-visible, :where(button.pathcast-badge):focus-visible { outline: 2px solid var(--pc-accent); outline-offset: 2px; }
:where(.pathcast-conflict-title):focus-visible { outline: none; }
@media (max-width: 30rem) {
  :where(.pathcast-conflict-head, .pathcast-conflict-fields, .pathcast-conflict-actions) { padding-inline: .9rem; }
  :where(.pathcast-conflict-actions, .pathcast-refused > *) > button { flex: 1 1 auto; }
  :where(.pathcast-conflict-actions) > button:first-child { flex: 1 1 100%; order: 1; margin: 0; }
}
@media (max-height: 30rem) {
  :where(.pathcast-conflict[open]) { display: block; overflow-y: auto; }
  :where(.pathcast-conflict-fields) { overflow: visible; }
}
:where(.pathcast-refused > div) { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; padding: .65rem .8rem; border: 1px solid var(--pc-bad); border-radius: var(--pc-radius); margin-block: .5rem; }
:where(.pathcast-refused p) { flex: 1 1 14rem; margin: 0; min-width: 0; overflow-wrap: anywhere; }
:where(.pathcast-badge) { --pc-tone: var(--pc-faint); display: inline-flex; align-items: center; gap: .5em; max-width: 100%; padding: .2em .75em; font-size: .9em; font-weight: 600; text-align: start; color: var(--pc-tone); background: color-mix(in srgb, var(--pc-tone) 12%, var(--pc-back)); border: 1px solid color-mix(in srgb, var(--pc-tone) 35%, transparent); border-radius: 99px; }
:where(button.pathcast-badge) { cursor: pointer; }
:where(.pathcast-badge)::before { content: ''; flex: none; border: .3em solid; border-radius: 50%; }
:where(.pathcast-badge[data-state=sending]) { --pc-tone: var(--pc-accent); }
:where(.pathcast-badge[data-state=saved]) { --pc-tone: var(--pc-good); }
:where(.pathcast-badge:is([data-state=conflicted], [data-state=unauthorized])) { --pc-tone: var(--pc-warn); }
:where(.pathcast-badge:is([data-state=failed], [data-state=storage])) { --pc-tone: var(--pc-bad); }
`;

const HERE = Symbol.for('pathcast.offline.style.1');

interface Page {
  document?: { adoptedStyleSheets?: unknown[]; [HERE]?: true };
  CSSStyleSheet?: new () => { replaceSync(text: string): void };
}

/** `off`: the app has a look of its own. A browser without such sheets shows it without. */
export function useDefaultStyle(off: boolean): void {
  useInsertionEffect(() => {
    const { document, CSSStyleSheet: Made } = globalThis as Page;
    if (off || !document?.adoptedStyleSheets || !Made || document[HERE]) return;
    const sheet = new Made();
    sheet.replaceSync(STYLE);
    document.adoptedStyleSheets = [sheet, ...document.adoptedStyleSheets];
    document[HERE] = true;
  }, [off]);
}
