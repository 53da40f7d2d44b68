/** What is used of a page, as shapes: the package's declarations hold no DOM. Text goes into the page as text, never as HTML. */

export interface Item {
  textContent: string | null;
  className: string;
  hidden: boolean;
  append(...children: (Item | string)[]): void;
  prepend(child: Item): void;
  replaceChildren(...children: (Item | string)[]): void;
  setAttribute(name: string, value: string): void;
  addEventListener(name: string, listener: (event: { readonly key?: string; stopPropagation(): void }) => void): void;
  remove(): void;
  focus(): void;
}

export interface Details extends Item {
  open: boolean;
}

export interface Root extends Item {
  adoptedStyleSheets: unknown[];
}

interface Host extends Item {
  attachShadow(init: { mode: 'open' }): Root;
}

/** Where something may be put: an element. */
export interface Target {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a page's own elements take its own kind of node
  appendChild(child: any): unknown;
}

export interface PageDocument {
  readonly body: Target | null;
  createElement(name: 'details'): Details;
  createElement(name: 'div'): Host;
  createElement(name: string): Item;
}

interface Sheet {
  replaceSync(text: string): void;
}

export interface Dom {
  readonly document: PageDocument;
  /** An element with what it holds. */
  item: (name: string, attributes?: Readonly<Record<string, string>>, ...children: (Item | string)[]) => Item;
  /** A style that a content policy has nothing against, where the browser can make one. */
  style: (root: Root, text: string) => void;
}

/** Undefined where there is no page: on a server. */
export function domOf(): Dom | undefined {
  const { document, CSSStyleSheet: Made } = globalThis as { document?: PageDocument; CSSStyleSheet?: new () => Sheet };
  if (!document) return undefined;
  const item: Dom['item'] = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
    made.append(...children);
    return made;
  };
  return {
    document,
    item,
    style(root, text) {
      if (Made && 'adoptedStyleSheets' in root) {
        const sheet = new Made();
        sheet.replaceSync(text);
        root.adoptedStyleSheets = [sheet];
      } else {
        root.append(item('style', {}, text));
      }
    },
  };
}
