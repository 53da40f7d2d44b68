/** `<hub>-<number>`: the ids that a hub gives its streams, in the order in which they came. */

export function connectionIdOf(hubId: string, number: number): string {
  return `${hubId}-${number}`;
}

/** Above 0. Undefined: of another hub, or none: a number in another spelling is no id that was ever given. */
export function connectionNumber(hubId: string, connectionId: string): number | undefined {
  if (!connectionId.startsWith(`${hubId}-`)) return undefined;
  const digits = connectionId.slice(hubId.length + 1);
  const number = /^[1-9][0-9]*$/.test(digits) ? Number(digits) : NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}
