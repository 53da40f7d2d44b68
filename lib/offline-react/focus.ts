/** Where the focus goes when what had it is gone. */

/** No DOM types: the same declarations serve Node, workers and pages. */
export interface Focusable {
  readonly parentElement: Focusable | null;
  focus(): void;
}

const page = globalThis as { document?: { readonly activeElement: Focusable | null; readonly body: Focusable } };

/** What has the focus, and all that it stands in. */
export function focusNow(): readonly Focusable[] {
  const around: Focusable[] = [];
  for (let one = page.document?.activeElement; one; one = one.parentElement) around.push(one);
  return around;
}

/** To the innermost of these that is there and takes it. */
export function giveFocus(around: readonly Focusable[]): void {
  for (const one of around) {
    one.focus();
    if (page.document?.activeElement === one) return;
  }
}

/** What had it is gone. */
export const isFocusLost = (): boolean => page.document?.activeElement === page.document?.body;
