/** Module names as they stand in actions. */
export const MODULES = [
  'guests', 'budget', 'events', 'timeline', 'vendors', 'hotels', 'transport', 'gifts', 'floorPlans', 'clients',
] as const;
/** With a PostgreSQL. */
export const POSTGRES_MODULES = [...MODULES, 'pages', 'attachments'] as const;
export type Module = (typeof POSTGRES_MODULES)[number];
