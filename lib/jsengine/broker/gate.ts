/**
 * Between a link that is ready again and the streams: shut until the revocations of the time in which nothing was heard are carried
 * out, so that a stream that was to end hears nothing of what it missed.
 */
export class Gate {
  isShut = false;
  private asked = 0;

  constructor(
    private readonly revocations: (() => Promise<void>) | undefined,
    private readonly opened: () => void,
  ) {}

  /** The link is ready. To be called before anybody hears anything through it. */
  ready(): void {
    if (!this.revocations) return;
    this.isShut = true;
    const asked = ++this.asked;
    void this.revocations().finally(() => {
      if (asked !== this.asked) return;
      this.isShut = false;
      this.opened();
    });
  }

  /** The link is lost, or ended: an answer of before opens nothing. */
  lost(): void {
    this.asked++;
  }
}
