/** Reads back what an engine writes: whole SSE messages, one `data:` line each, LF line ends (SPEC §3). */

export interface SseFrame {
  /** `''` for an ordinary message. */
  event: string;
  /** Absent if the message has no `id` line. */
  id?: string;
  /** Absent if the message has no `data` line (a lone `retry:`). */
  data?: string;
  /** ms. */
  retry?: number;
}

const decoder = new TextDecoder();

export function parseFrames(chunk: Uint8Array): SseFrame[] {
  const frames: SseFrame[] = [];
  for (const block of decoder.decode(chunk).split('\n\n')) {
    if (block === '') continue;
    const frame: SseFrame = { event: '' };
    for (const line of block.split('\n')) readLine(line, frame);
    frames.push(frame);
  }
  return frames;
}

function readLine(line: string, frame: SseFrame): void {
  const colon = line.indexOf(':');
  if (colon <= 0) return;
  const value = line.slice(line.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1);
  switch (line.slice(0, colon)) {
    case 'event':
      frame.event = value;
      return;
    case 'id':
      frame.id = value;
      return;
    case 'data':
      frame.data = value;
      return;
    case 'retry':
      frame.retry = Number(value);
  }
}
