/** What a plain request may say of itself, and what only the app may. */
import { plainOptions } from '../../../lib/server/identity.js';

const query = new URLSearchParams('clientInstanceId=tab-of-the-client&companyId=other&userId=eve&expiresAt=9');
const ann = { companyId: 'acme', userId: 'ann' };

test('a client may name its instance where the app names none', () => {
  expect(plainOptions(ann, query)).toMatchObject({ ...ann, clientInstanceId: 'tab-of-the-client' });
  expect(plainOptions(ann, new URLSearchParams()).clientInstanceId ?? undefined).toBeUndefined();
});

test('the instance that the app names wins: a client cannot take the place of another tab of its user', () => {
  expect(plainOptions({ ...ann, clientInstanceId: 'session-7' }, query)).toMatchObject({ clientInstanceId: 'session-7' });
});

test('who it is and how long it may listen are the app’s alone', () => {
  expect(plainOptions({ ...ann, expiresAt: 5 }, query)).toMatchObject({ ...ann, expiresAt: 5 });
});
