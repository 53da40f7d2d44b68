/** The modules that follow from guests: hotels, transport, budget, timeline, clients. */
import type { ComponentChildren, JSX } from 'preact';
import { euros, moment, number, plural } from '../shared/format.js';
import { flashClass, useFlashes, usePane, useQuery } from './hooks.js';
import { BedIcon, CarIcon, ClockIcon, CoinIcon, HeartIcon } from './icons.js';

interface CardProps {
  title: string;
  icon: JSX.Element;
  figure: string;
  /** How often sync has refreshed the card; the card flashes when it goes up. */
  refreshes: number;
  children: ComponentChildren;
}

const SHOWN = 3;

function Card({ title, icon, figure, refreshes, children }: CardProps) {
  return (
    <section class={`card ${flashClass(refreshes)}`} aria-label={title} data-card={title.toLowerCase()}>
      <header class="section-head">
        {icon}
        <h3 class="grow name">{title}</h3>
        <span class="figure">{figure}</span>
        <span class="refreshes" title="Fetched again because of sync">{refreshes}</span>
      </header>
      {children}
    </section>
  );
}

/** The latest few rows of a list, and how many more there are. */
function Lines<R extends { id: string }>({ rows, line, empty }: { rows: readonly R[] | undefined; line: (row: R) => [string, string]; empty: string }) {
  const flashes = useFlashes(rows);
  if (!rows) return <p class="empty">…</p>;
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  return (
    <ul class="lines">
      {rows.slice(0, SHOWN).map((row) => {
        const [left, right] = line(row);
        return (
          <li key={row.id} class={flashClass(flashes.get(row.id))}>
            <span class="grow name" title={left}>{left}</span>
            <span class="faint">{right}</span>
          </li>
        );
      })}
      {rows.length > SHOWN && <li class="faint">{number(rows.length - SHOWN)} more</li>}
    </ul>
  );
}

const latestFirst = <R extends { updatedAt: number }>(rows: readonly R[] | undefined): R[] | undefined => rows && [...rows].sort((a, b) => b.updatedAt - a.updatedAt);

export function HotelCard() {
  const { clientId } = usePane();
  const { data, refreshes } = useQuery('hotels.getAll', { clientId }, (api) => api.hotels.getAll.query({ clientId }));
  return (
    <Card title="Hotels" icon={<BedIcon />} figure={data ? plural(data.reduce((sum, row) => sum + row.rooms, 0), 'room') : '…'} refreshes={refreshes}>
      <Lines rows={latestFirst(data)} line={(row) => [row.guestName, row.hotelName]} empty="Nobody needs a room." />
    </Card>
  );
}

export function TransportCard() {
  const { clientId } = usePane();
  const { data, refreshes } = useQuery('guestTransport.getAll', { clientId }, (api) => api.guestTransport.getAll.query({ clientId }));
  return (
    <Card title="Transport" icon={<CarIcon />} figure={data ? plural(data.reduce((sum, row) => sum + row.seats, 0), 'seat') : '…'} refreshes={refreshes}>
      <Lines rows={latestFirst(data)} line={(row) => [row.guestName, row.pickupLocation]} empty="Nobody needs a ride." />
    </Card>
  );
}

export function BudgetCard() {
  const { clientId } = usePane();
  const { data, refreshes } = useQuery('budget.getSummary', { clientId }, (api) => api.budget.getSummary.query({ clientId }));
  const paid = data && data.estimated > 0 ? Math.min(1, data.paid / data.estimated) : 0;
  return (
    <Card title="Budget" icon={<CoinIcon />} figure={data ? euros(data.estimated) : '…'} refreshes={refreshes}>
      <progress class="bar" value={paid} max={1} aria-label="Part of the budget that is paid" />
      <p class="pair">
        <span>{data ? euros(data.paid) : '…'} paid</span>
        <span class="faint">{data ? euros(data.outstanding) : '…'} to go</span>
      </p>
    </Card>
  );
}

export function TimelineCard() {
  const { clientId } = usePane();
  const { data, refreshes } = useQuery('timeline.getAll', { clientId }, (api) => api.timeline.getAll.query({ clientId }));
  return (
    <Card title="Timeline" icon={<ClockIcon />} figure={data ? plural(data.length, 'entry').replace('entrys', 'entries') : '…'} refreshes={refreshes}>
      <Lines rows={data} line={(row) => [row.title, moment(row.startsAt)]} empty="Nothing is planned." />
    </Card>
  );
}

/** The company's clients; choosing one shows it in the pane. */
export function ClientsCard() {
  const { clientId, selectClient } = usePane();
  const { data, refreshes } = useQuery('clients.list', undefined, (api) => api.clients.list.query());
  const flashes = useFlashes(data);
  return (
    <Card title="Clients" icon={<HeartIcon />} figure={data ? number(data.length) : '…'} refreshes={refreshes}>
      <ul class="lines clients">
        {data?.map((client) => (
          <li key={client.id} class={flashClass(flashes.get(client.id))}>
            <button type="button" class="client" aria-pressed={client.id === clientId} onClick={() => selectClient(client.id)}>
              <span class="grow name">{client.name}</span>
              <span class="faint">
                {plural(client.guestCount, 'guest')} · {euros(client.budget)}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </Card>
  );
}
