/** When the database has committed, by this machine's clock, which the browser's is too. */
import type { RunningApp } from '../weddingflo/app.js';

interface Client {
  query(text: string, ...rest: unknown[]): Promise<unknown>;
  transaction(work: (tx: unknown) => Promise<unknown>): Promise<unknown>;
}

const WRITES = /^\s*(?:insert|update|delete)\b/i;

/** From now on; what it gives back tells when the last commit was, Unix ms. */
export function watchCommits({ module }: RunningApp): () => number {
  const { $client: client } = module.db as unknown as { $client: Client };
  const { query, transaction } = client;
  let last = 0;
  client.query = async (text, ...rest) => {
    const answer = await query.call(client, text, ...rest);
    if (WRITES.test(text)) last = Date.now();
    return answer;
  };
  client.transaction = async (work) => {
    const answer = await transaction.call(client, work);
    last = Date.now();
    return answer;
  };
  return () => last;
}
