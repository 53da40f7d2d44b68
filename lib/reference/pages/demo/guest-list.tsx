/** The guest list of a pane: add, edit, delete, import; rows flash when sync has changed them. */
import { useRef, useState } from 'preact/hooks';
import type { Api } from '../shared/session.js';
import { number, plural } from '../shared/format.js';
import { flashClass, useFlashes, usePane, useQuery } from './hooks.js';
import { BedIcon, CarIcon, ImportIcon, PencilIcon, PeopleIcon, PlusIcon, TrashIcon } from './icons.js';

type Guest = Awaited<ReturnType<Api['guests']['getAll']['query']>>[number];

/** Rows drawn at first; an import would otherwise fill the page. */
const SHOWN = 8;
const MORE = 50;
const IMPORT_ROWS = 500;
const RSVP_WORDS = { pending: 'Waiting', confirmed: 'Coming', declined: 'Declined' } as const;
const NEXT_RSVP = { pending: 'confirmed', confirmed: 'declined', declined: 'pending' } as const;

/** What goes with a room and a ride: the day before the wedding, if that is known. */
function bookings(weddingDate: string | null | undefined, place: number) {
  const eve = weddingDate == null ? undefined : new Date(Date.parse(weddingDate) - 86_400_000);
  return {
    room: { needsHotel: true, hotelName: place % 2 === 0 ? 'Harbour House' : 'Garden Inn', ...(eve && { arrivalDate: eve.toISOString().slice(0, 10) }) },
    ride: { needsTransport: true, pickupLocation: place % 2 === 0 ? 'Central station' : 'Airport', ...(eve && { pickupAt: eve.getTime() + 13 * 3_600_000 }) },
  };
}

/** Rows of an import: every third needs a room, every fourth a ride. */
function importRows(weddingDate: string | null | undefined) {
  const first = ['Amara', 'Boris', 'Carla', 'Deniz', 'Emil', 'Fatou', 'Gino', 'Hana', 'Ivo', 'Jun', 'Kaya', 'Lior', 'Mona', 'Nils', 'Olga', 'Pau'];
  const last = ['Adler', 'Bianchi', 'Costa', 'Dahl', 'Eze', 'Fischer', 'Garcia', 'Haas', 'Ito', 'Jansen', 'Kim', 'Lopez', 'Moreau'];
  return Array.from({ length: IMPORT_ROWS }, (_, i) => {
    const { room, ride } = bookings(weddingDate, i);
    return {
      name: `${first[i % first.length]} ${last[(i * 5) % last.length]}`,
      partySize: 1 + (i % 3),
      rsvpStatus: i % 2 === 0 ? ('confirmed' as const) : ('pending' as const),
      ...(i % 3 === 0 && room),
      ...(i % 4 === 0 && ride),
    };
  });
}

function AddGuest() {
  const { act, clientId, online } = usePane();
  const [name, setName] = useState('');
  const [hotel, setHotel] = useState(false);
  const [ride, setRide] = useState(false);
  const [importing, setImporting] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const clients = useQuery('clients.list', undefined, (api) => api.clients.list.query());
  const weddingDate = clients.data?.find((client) => client.id === clientId)?.weddingDate;

  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (name.trim() === '') {
      field.current?.focus();
      return;
    }
    const { room, ride: lift } = bookings(weddingDate, name.length);
    const done = await act((api) => api.guests.create.mutate({ clientId, name, ...(hotel && room), ...(ride && lift) }));
    if (done) setName('');
    field.current?.focus();
  };
  const bringMany = async (): Promise<void> => {
    setImporting(true);
    await act((api) => api.guests.bulkImport.mutate({ clientId, guests: importRows(weddingDate) }));
    setImporting(false);
  };

  return (
    <form class="add" onSubmit={(event) => void add(event)}>
      <div class="add-row">
        <input
          ref={field}
          class="field grow"
          type="text"
          placeholder="Name of a guest"
          aria-label="Name of a new guest"
          maxLength={200}
          value={name}
          disabled={!online}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <button type="submit" class="button" disabled={!online}>
          <PlusIcon /> Add
        </button>
      </div>
      <div class="add-row">
        <label class="tick" title="Needs a room">
          <input type="checkbox" checked={hotel} disabled={!online} onChange={(event) => setHotel(event.currentTarget.checked)} />
          <BedIcon /> Room
        </label>
        <label class="tick" title="Needs a ride">
          <input type="checkbox" checked={ride} disabled={!online} onChange={(event) => setRide(event.currentTarget.checked)} />
          <CarIcon /> Ride
        </label>
        <span class="grow" />
        <button type="button" class="button quiet small" disabled={!online || importing} onClick={() => void bringMany()}>
          <ImportIcon /> {importing ? 'Importing…' : `Import ${IMPORT_ROWS}`}
        </button>
      </div>
    </form>
  );
}

function GuestRow({ guest, flash }: { guest: Guest; flash: number | undefined }) {
  const { act, online } = usePane();
  const [draft, setDraft] = useState<string>();
  const save = async (): Promise<void> => {
    const name = draft?.trim();
    setDraft(undefined);
    if (name && name !== guest.name) await act((api) => api.guests.update.mutate({ id: guest.id, name }));
  };
  const toggle = (patch: { needsHotel?: boolean; needsTransport?: boolean }) => void act((api) => api.guests.update.mutate({ id: guest.id, ...patch }));

  return (
    <li class={`guest ${flashClass(flash)}`} data-guest={guest.name}>
      <button
        type="button"
        class={`rsvp ${guest.rsvpStatus}`}
        title="Change the answer"
        aria-label={`${guest.name}: ${RSVP_WORDS[guest.rsvpStatus]}; change`}
        disabled={!online}
        onClick={() => void act((api) => api.guests.updateRSVP.mutate({ id: guest.id, rsvpStatus: NEXT_RSVP[guest.rsvpStatus] }))}
      >
        {RSVP_WORDS[guest.rsvpStatus]}
      </button>
      {draft === undefined ? (
        <span class="grow name" title={guest.name}>
          {guest.name}
          {guest.partySize > 1 && <span class="faint"> +{guest.partySize - 1}</span>}
        </span>
      ) : (
        <input
          class="field grow"
          aria-label={`New name of ${guest.name}`}
          value={draft}
          maxLength={200}
          ref={(input) => input?.focus()}
          onInput={(event) => setDraft(event.currentTarget.value)}
          onBlur={() => void save()}
          onKeyDown={(event) => {
            if (event.key === 'Enter') void save();
            if (event.key === 'Escape') setDraft(undefined);
          }}
        />
      )}
      <span class="tools">
        <button type="button" class="tool" aria-pressed={guest.needsHotel} aria-label={`Room for ${guest.name}`} title="Room" disabled={!online} onClick={() => toggle({ needsHotel: !guest.needsHotel })}>
          <BedIcon />
        </button>
        <button type="button" class="tool" aria-pressed={guest.needsTransport} aria-label={`Ride for ${guest.name}`} title="Ride" disabled={!online} onClick={() => toggle({ needsTransport: !guest.needsTransport })}>
          <CarIcon />
        </button>
        <button type="button" class="tool" aria-label={`Rename ${guest.name}`} title="Rename" disabled={!online} onClick={() => setDraft(guest.name)}>
          <PencilIcon />
        </button>
        <button type="button" class="tool danger" aria-label={`Delete ${guest.name}`} title="Delete" disabled={!online} onClick={() => void act((api) => api.guests.delete.mutate({ id: guest.id }))}>
          <TrashIcon />
        </button>
      </span>
    </li>
  );
}

export function GuestList() {
  const { clientId } = usePane();
  const [shown, setShown] = useState(SHOWN);
  const { data, refreshes } = useQuery('guests.getAll', { clientId }, (api) => api.guests.getAll.query({ clientId }));
  const stats = useQuery('guests.getStats', { clientId }, (api) => api.guests.getStats.query({ clientId }));
  const flashes = useFlashes(data);
  const rows = data && [...data].sort((a, b) => b.updatedAt - a.updatedAt || a.name.localeCompare(b.name));

  return (
    <section class="guests" aria-label="Guests">
      <header class="section-head">
        <PeopleIcon />
        <h3>Guests</h3>
        <span class="count" data-testid="guest-count">{data ? number(data.length) : '…'}</span>
        <span class="grow" />
        {stats.data && <span class="faint">{number(stats.data.confirmed)} coming</span>}
        <span class="refreshes" data-testid="guest-refreshes" title="Fetched again because of sync">{refreshes}</span>
      </header>
      <AddGuest />
      <ul class="rows" aria-label="Guest list, latest change first">
        {rows?.slice(0, shown).map((guest) => <GuestRow key={guest.id} guest={guest} flash={flashes.get(guest.id)} />)}
        {rows?.length === 0 && <li class="empty">No guests yet.</li>}
      </ul>
      {rows && rows.length > shown && (
        <button type="button" class="link" onClick={() => setShown(shown + MORE)}>
          {plural(rows.length - shown, 'more guest')}
        </button>
      )}
      {rows && shown > SHOWN && (
        <button type="button" class="link" onClick={() => setShown(SHOWN)}>
          Show fewer
        </button>
      )}
    </section>
  );
}
