/** Tables and maps of the tests of the CDC worker: one table whose rows tell which transaction made them. */
import type { CdcOptions } from '../../lib/postgres/index.js';

export const GUEST_TABLE = `
CREATE TABLE guests (id text NOT NULL, company_id text NOT NULL, name text, PRIMARY KEY (company_id, id));
CREATE TABLE noise (id serial PRIMARY KEY, text text);
CREATE PUBLICATION pathcast FOR TABLE guests;`;

export const GUESTS: CdcOptions['map'] = { guests: { tenant: 'company_id', paths: ['guests.getAll'] } };
