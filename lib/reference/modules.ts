/** Module names as they stand in actions. */
export const MODULES = [
  'guests', 'budget', 'events', 'timeline', 'vendors', 'hotels', 'transport', 'gifts', 'floorPlans', 'clients',
] as const;
export type Module = (typeof MODULES)[number];
