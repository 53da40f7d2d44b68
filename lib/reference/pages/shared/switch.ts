/** The browser as a page finds it, with a switch: a page that was put away gives up its stream at once, and comes back from where it was. */
import { browserEnvironment, type Environment, type PageEvent } from '../../../client/index.js';

export class Switch {
  readonly environment: Environment;
  readonly #listening = new Set<(what: PageEvent) => void>();
  #off = false;

  constructor() {
    const browser = browserEnvironment();
    this.environment = {
      ...browser,
      listen: (heard) => {
        // What the browser says of the page while it is switched off is not heard.
        const end = browser.listen((what) => {
          if (!this.#off) heard(what);
        });
        this.#listening.add(heard);
        return () => {
          this.#listening.delete(heard);
          end();
        };
      },
    };
  }

  off(): void {
    for (const heard of this.#listening) heard('hide');
    this.#off = true;
  }

  on(): void {
    this.#off = false;
    for (const heard of this.#listening) heard('show');
  }
}
