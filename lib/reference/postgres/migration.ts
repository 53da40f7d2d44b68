/** The tables of `schema.ts`, as SQL. An app that lives lets drizzle-kit write its migrations, and adds what stands here beside the tables. */
import { activityTables, transactionTables } from '../../postgres/index.js';

export const PUBLICATION = 'pathcast_reference';
/** Of the server's whole PostgreSQL: names of slots are shared by all its databases. */
export const SLOT = 'pathcast_reference';
/** Who writes, for the triggers: `set_config(WRITER, userId, true)`. Without it they take the database's role. */
export const WRITER = 'app.user_id';

/** Of several servers that begin at once one makes the tables. */
export const LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('pathcast.reference', 0))";
export const HAS_TABLES = "SELECT to_regclass('public.pages') IS NOT NULL AND to_regclass('public.attachments') IS NOT NULL AS there";

/** Those of pathcast: nothing is done where they are there. */
export const OWN_TABLES = `${transactionTables()}\n${activityTables()}`;

export const MIGRATION = `
CREATE TABLE public.pages (
  company_id text NOT NULL,
  id text NOT NULL DEFAULT gen_random_uuid()::text,
  title text NOT NULL,
  body text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  updated_by text NOT NULL DEFAULT '',
  PRIMARY KEY (company_id, id)
);
CREATE TABLE public.attachments (
  company_id text NOT NULL,
  id text NOT NULL DEFAULT gen_random_uuid()::text,
  page_id text NOT NULL,
  name text NOT NULL,
  size integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (company_id, id),
  FOREIGN KEY (company_id, page_id) REFERENCES public.pages ON DELETE CASCADE
);
CREATE UNIQUE INDEX attachments_of_page ON public.attachments (company_id, page_id, id);
ALTER TABLE public.attachments REPLICA IDENTITY USING INDEX attachments_of_page;

-- Companies that have had their demo rows.
CREATE TABLE public.demo_companies (company_id text PRIMARY KEY);

-- When a page was changed, and by whom: the app's user, or the database's role of who writes past the app.
CREATE FUNCTION public.pages_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := clock_timestamp();
  NEW.updated_by := coalesce(nullif(current_setting('${WRITER}', true), ''), current_user);
  RETURN NEW;
END $$;
CREATE TRIGGER pages_stamp BEFORE INSERT OR UPDATE ON public.pages FOR EACH ROW EXECUTE FUNCTION public.pages_stamp();

-- An attachment that comes or goes is a change of its page.
CREATE FUNCTION public.attachments_touch_page() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN UPDATE public.pages SET updated_at = now() WHERE company_id = OLD.company_id AND id = OLD.page_id; END IF;
  IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND (NEW.company_id, NEW.page_id) IS DISTINCT FROM (OLD.company_id, OLD.page_id)) THEN
    UPDATE public.pages SET updated_at = now() WHERE company_id = NEW.company_id AND id = NEW.page_id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER attachments_touch_page AFTER INSERT OR UPDATE OR DELETE ON public.attachments FOR EACH ROW EXECUTE FUNCTION public.attachments_touch_page();

CREATE PUBLICATION ${PUBLICATION} FOR TABLE public.pages, public.attachments;
`;
