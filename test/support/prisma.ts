/** A client of Prisma over a PostgreSQL, generated once and bundled, from the packages that the examples are tested with. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { buildSync } from 'esbuild';

const packages = path.resolve(__dirname, '../../.setup/example-packages');

const SCHEMA = `generator client {
  provider     = "prisma-client"
  output       = "./generated"
  moduleFormat = "cjs"
}
datasource db {
  provider = "postgresql"
}
model Page {
  companyId String @map("company_id")
  id        String
  title     String
  body      String @default("")
  @@id([companyId, id])
  @@map("pages")
}
`;
const CONFIG = "import { defineConfig } from 'prisma/config';\nexport default defineConfig({ schema: 'schema.prisma', datasource: { url: 'postgresql://nowhere' } });\n";
const ENTRY = "export { PrismaClient } from './generated/client';\nexport { PrismaPg } from '@prisma/adapter-pg';\n";

export interface Prisma {
  $transaction<T>(body: (tx: PrismaTx) => Promise<T>, options?: object): Promise<T>;
  $disconnect(): Promise<void>;
  /** Of the reference server's tables; raw statements reach any. */
  page: { create(call: { data: { companyId: string; id: string; title: string } }): Promise<unknown> };
}
export interface PrismaTx {
  $queryRawUnsafe(text: string, ...values: unknown[]): Promise<Record<string, any>[]>;
  $executeRawUnsafe(text: string, ...values: unknown[]): Promise<number>;
}

function bundle(): string {
  const key = createHash('sha256').update(SCHEMA + CONFIG + ENTRY).digest('hex').slice(0, 12);
  const folder = path.join(packages, `client-${key}`);
  const file = path.join(folder, 'client.cjs');
  if (existsSync(file)) return file;
  const made = mkdtempSync(path.join(packages, 'client-'));
  for (const [name, text] of [['schema.prisma', SCHEMA], ['prisma.config.ts', CONFIG], ['entry.ts', ENTRY]] as const) writeFileSync(path.join(made, name), text);
  // Else it would be downloaded; it is never called.
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true' };
  execFileSync(process.execPath, [path.join(packages, 'node_modules/prisma/build/index.js'), 'generate'], { cwd: made, env, stdio: 'pipe' });
  buildSync({ entryPoints: [path.join(made, 'entry.ts')], outfile: path.join(made, 'client.cjs'), bundle: true, platform: 'node', format: 'cjs', external: ['pg-native'], logLevel: 'error' });
  try {
    renameSync(made, folder);
  } catch {
    // Another test file was quicker.
    rmSync(made, { recursive: true });
  }
  return file;
}

export function prismaOf(url: string): Prisma {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- it has no name before it is made
  const { PrismaClient, PrismaPg } = require(bundle()) as { PrismaClient: new (options: object) => Prisma; PrismaPg: new (options: object) => unknown };
  return new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 20 }) });
}
