/** Names and texts inside of SQL. */

export const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** As people write it: without quotes where it needs none. */
export const shownIdent = (name: string): string => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : ident(name));
