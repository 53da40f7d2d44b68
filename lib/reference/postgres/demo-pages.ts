/** Pages that a company finds on its first visit. */
import { sql } from 'drizzle-orm';
import type { PostgresDb } from './database.js';
import { WRITER } from './migration.js';
import { attachments, pages } from './schema.js';

const PAGES = [
  { id: 'demo-speeches', title: 'Speeches', body: 'Rose’s father, five minutes.\nTheo’s sister, three minutes.\nNobody after the cake.' },
  { id: 'demo-rain', title: 'If it rains', body: 'The ceremony moves into the boathouse. Umbrellas are in the van.' },
  { id: 'demo-music', title: 'Music', body: 'The Night Ferries play from nine. No drum solo.' },
];
const ATTACHMENTS = [
  { id: 'demo-plan', pageId: 'demo-rain', name: 'boathouse-plan.pdf', size: 184_320 },
  { id: 'demo-songs', pageId: 'demo-music', name: 'wish-list.txt', size: 2_048 },
];
const BY = 'demo data';

/** Once a company, whichever server it visits first; cheap to call again. Nobody broadcasts it: the rows themselves are told. */
export async function seedPagesOnce(db: PostgresDb, companyId: string): Promise<void> {
  await db.transaction(async (tx) => {
    const { rowCount } = await tx.execute(sql`INSERT INTO demo_companies (company_id) VALUES (${companyId}) ON CONFLICT DO NOTHING`);
    if (rowCount === 0) return;
    await tx.execute(sql`SELECT set_config(${WRITER}, ${BY}, true), pg_logical_emit_message(true, 'pathcast', ${JSON.stringify({ userId: BY, companyId })})`);
    await tx.insert(pages).values(PAGES.map((page) => ({ companyId, ...page })));
    await tx.insert(attachments).values(ATTACHMENTS.map((attachment) => ({ companyId, ...attachment })));
  });
}
