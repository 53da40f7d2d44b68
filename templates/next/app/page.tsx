// page.tsx: rendered on the server, each time anew.
import { sessionOf } from '../lib/session';
import { listGuests } from '../lib/store';
import { addGuest, removeGuest } from './actions';
import { Live } from './live';

export const dynamic = 'force-dynamic';

export default async function Page() {
  const since = String(Date.now()); // before it reads: what changes from here on is told
  const guests = await listGuests((await sessionOf()).companyId);
  return (
    <main>
      <h1>Guests</h1>
      <p className="hint">Open this page in a second window. What you change in one, the other shows at once.</p>
      <form id="add" action={addGuest}>
        <label htmlFor="name">Name</label>
        <input id="name" name="name" required maxLength={80} autoComplete="off" placeholder="Rose Alder" />
        <button>Add guest</button>
      </form>
      <ul id="guests">
        {guests.map((guest) => (
          <li key={guest.id}>
            {guest.name}
            <form action={removeGuest.bind(null, guest.id)}>
              <button aria-label={`Remove ${guest.name}`}>Remove</button>
            </form>
          </li>
        ))}
      </ul>
      <Live since={since} />
    </main>
  );
}
