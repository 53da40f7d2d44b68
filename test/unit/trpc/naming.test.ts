import { moduleOfPath, singular, typeOfName } from '../../../lib/trpc/naming.js';

test.each([
  ['guests.create', 'insert'],
  ['guests.bulkImport', 'insert'],
  ['add_guest', 'insert'],
  ['guests.deleteMany', 'delete'],
  ['guests.bulk_delete', 'delete'],
  ['guests.removeFromTable', 'delete'],
  ['guests.address', 'update'],
  ['guests.setRSVP', 'update'],
  ['guests.all', 'update'],
  ['', 'update'],
])('%s is an %s', (name, type) => {
  expect(typeOfName(name)).toBe(type);
});

test('modules and their rows', () => {
  expect(['guests.create', 'admin.users.ban', 'ping'].map(moduleOfPath)).toEqual(['guests', 'admin.users', 'ping']);
  expect(['guests', 'companies', 'budget', 'address'].map(singular)).toEqual(['guest', 'company', 'budget', 'address']);
});
