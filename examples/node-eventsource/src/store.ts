// store.ts: the guests, in memory. Your database takes the place of this file.
export interface Guest {
  id: string;
  name: string;
}

const companies = new Map<string, Guest[]>();

export async function listGuests(companyId: string): Promise<Guest[]> {
  return companies.get(companyId) ?? [];
}

export async function insertGuest(companyId: string, name: string): Promise<Guest> {
  const guest = { id: crypto.randomUUID(), name };
  companies.set(companyId, [...(companies.get(companyId) ?? []), guest]);
  return guest;
}

/** Whether there was one. */
export async function deleteGuest(companyId: string, id: string): Promise<boolean> {
  const before = companies.get(companyId) ?? [];
  const after = before.filter((guest) => guest.id !== id);
  companies.set(companyId, after);
  return after.length < before.length;
}
