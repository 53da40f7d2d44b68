/** The libraries of the comparison: which script of adapters/ runs them, and the packages whose versions a table names. */
export const LIBRARIES = {
  'pathcast-offline': { title: 'pathcast/offline', adapter: 'pathcast', packages: [] },
  'tanstack-query': { title: 'TanStack Query, persisted', adapter: 'query', packages: ['@tanstack/query-core', '@tanstack/query-persist-client-core', 'idb-keyval'] },
  'tanstack-offline': { title: 'TanStack offline-transactions', adapter: 'transactions', packages: ['@tanstack/offline-transactions', '@tanstack/db', '@tanstack/query-db-collection'] },
  rxdb: { title: 'RxDB replication', adapter: 'rxdb', packages: ['rxdb'] },
  'redux-offline': { title: 'redux-offline', adapter: 'redux', packages: ['@redux-offline/redux-offline', 'redux'] },
};
