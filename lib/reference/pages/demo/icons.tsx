/** The few icons of the pages, drawn in the colour of the text. */
import type { JSX } from 'preact';

function icon(path: string): () => JSX.Element {
  return () => (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}

export const BedIcon = icon('M3 18v-6a2 2 0 0 1 2-2h14a2 2 0 0 1 2 2v6M3 16h18M6 10V7a1 1 0 0 1 1-1h10a1 1 0 0 1 1 1v3');
export const CarIcon = icon('M5 11l1.6-4.2A2 2 0 0 1 8.5 5.5h7a2 2 0 0 1 1.9 1.3L19 11M4 11h16a1 1 0 0 1 1 1v5H3v-5a1 1 0 0 1 1-1zM6 17v2M18 17v2M7 14h.01M17 14h.01');
export const TrashIcon = icon('M4 7h16M10 11v6M14 11v6M6 7l1 12a1 1 0 0 0 1 1h8a1 1 0 0 0 1-1l1-12M9 7V5a1 1 0 0 1 1-1h4a1 1 0 0 1 1 1v2');
export const PencilIcon = icon('M4 20h4L19 9a2.1 2.1 0 0 0-3-3L5 17v3zM14 8l3 3');
export const CoinIcon = icon('M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM14.5 9.5a3 3 0 1 0 0 5M8.5 11h4M8.5 13h4');
export const ClockIcon = icon('M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4l3 2');
export const HeartIcon = icon('M12 20S4 15 4 9.5A4.2 4.2 0 0 1 12 7.5a4.2 4.2 0 0 1 8 2C20 15 12 20 12 20z');
export const PeopleIcon = icon('M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.5a3.5 3.5 0 0 1 0 6.2M18 14.5a6.5 6.5 0 0 1 3.5 5.5');
export const PlusIcon = icon('M12 5v14M5 12h14');
export const PageIcon = icon('M7 4h7l4 4v11a1 1 0 0 1-1 1H7a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zM14 4v4h4M9 13h6M9 16h4');
export const ClipIcon = icon('M19 11l-7.5 7.5a4.2 4.2 0 0 1-6-6L13 5a2.8 2.8 0 0 1 4 4l-7.5 7.5a1.4 1.4 0 0 1-2-2L14 8');
export const CloseIcon = icon('M6 6l12 12M18 6L6 18');
export const ImportIcon = icon('M12 4v11M8 11l4 4 4-4M5 20h14');
