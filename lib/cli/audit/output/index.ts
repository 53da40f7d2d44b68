export { toJson } from './json.js';
export { toMarkdown } from './markdown.js';
export { toSarif, type SarifOptions } from './sarif.js';
export { toTerminal, type TerminalOptions } from './terminal.js';
export { wantsColours } from '../../terminal/colours.js';
