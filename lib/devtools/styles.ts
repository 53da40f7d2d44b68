/** How the panel looks, in a root of its own: no rule of the page comes in, but for those of `:host`, and none goes out. */
export const STYLES = `
:host {
  all: initial !important;
  position: fixed !important;
  inset: auto auto 0 0 !important;
  z-index: 99999 !important;
  color-scheme: light dark !important;
}
@media print { :host { display: none !important } }
* { box-sizing: border-box; margin: 0; padding: 0 }
[hidden] { display: none !important }
.root {
  --ground: #ffffff; --raised: #f4f5f7; --line: #d5d9e0; --text: #1b2027; --dim: #565f6d;
  --good: #17693a; --busy: #8a5300; --bad: #b3261e; --quiet: #4a5568; --accent: #1f5fbf;
  font: 13px/1.45 system-ui, -apple-system, 'Segoe UI', sans-serif;
  color: var(--text);
}
@media (prefers-color-scheme: dark) {
  .root {
    --ground: #14171c; --raised: #1e232b; --line: #39414d; --text: #e8ebf0; --dim: #a4adbb;
    --good: #62cf8e; --busy: #f0b252; --bad: #ff8a80; --quiet: #b4bdca; --accent: #86b4ff;
  }
}
button { font: inherit; color: inherit; background: none; border: 1px solid var(--line); border-radius: 6px; padding: 3px 10px; cursor: pointer }
button:hover { background: var(--raised) }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px }
.toggle { margin: 12px; padding: 6px 12px; background: var(--ground); border-radius: 999px; display: flex; gap: 8px; align-items: center; box-shadow: 0 1px 6px rgb(0 0 0 / .25) }
.panel {
  position: fixed; inset: auto 0 0 0; height: min(60vh, 30rem); display: flex; flex-direction: column;
  background: var(--ground); border-top: 1px solid var(--line); box-shadow: 0 -2px 12px rgb(0 0 0 / .18);
}
.bar { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; padding: 8px 12px; border-bottom: 1px solid var(--line); background: var(--raised) }
h2 { font-size: 13px; font-weight: 650 }
h3 { font-size: 12px; font-weight: 650; color: var(--dim); padding: 8px 12px 4px }
.grow { flex: 1 }
.state { display: inline-flex; gap: 6px; align-items: center }
.dot { width: 9px; height: 9px; border-radius: 50%; background: currentColor; flex: none }
.good { color: var(--good) } .busy { color: var(--busy) } .bad { color: var(--bad) } .quiet { color: var(--quiet) }
.scroll { overflow: auto; flex: 1; overscroll-behavior: contain }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: 8px 16px; padding: 10px 12px; border-bottom: 1px solid var(--line) }
dt { color: var(--dim); font-size: 11px }
summary, p, li { overflow-wrap: anywhere }
dd { overflow-wrap: anywhere; font-variant-numeric: tabular-nums }
ol, ul { list-style: none }
.mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 12px; overflow-wrap: anywhere }
.dim { color: var(--dim) }
li.event { border-bottom: 1px solid var(--line) }
summary { cursor: pointer; padding: 7px 12px; display: grid; grid-template-columns: 4.5rem minmax(8rem, 14rem) minmax(0, 1fr) minmax(9rem, auto); gap: 2px 12px; align-items: baseline }
summary::-webkit-details-marker { display: none }
summary:hover { background: var(--raised) }
summary .what::before { content: '▸ '; color: var(--dim) }
details[open] > summary .what::before { content: '▾ ' }
summary .outcome { text-align: right }
.chips { display: flex; flex-wrap: wrap; gap: 3px 6px; min-width: 0 }
.chip { border: 1px solid var(--line); border-radius: 5px; padding: 0 6px; min-width: 0; max-width: 100% }
.chip.unmet { border-style: dashed }
.chip.phantom { border-color: var(--bad); color: var(--bad) }
.detail { padding: 2px 12px 12px 24px; display: grid; gap: 8px }
.detail li { display: flex; flex-wrap: wrap; gap: 0 12px; padding: 1px 0 1px 12px }
.empty { padding: 20px 12px; color: var(--dim) }
@media (max-width: 700px) {
  .panel { height: 70vh }
  dl { grid-template-columns: 1fr 1fr; gap: 6px 12px }
  summary { grid-template-columns: minmax(0, 1fr) auto }
  summary .age { order: 2; text-align: right }
  summary .chips { order: 3; grid-column: 1 / -1 }
  summary .outcome { order: 4; grid-column: 1 / -1; text-align: left }
  .detail { padding-left: 12px }
}
@media (forced-colors: active) { .dot { forced-color-adjust: none } }
`;
