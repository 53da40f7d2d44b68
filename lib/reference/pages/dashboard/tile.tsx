export interface TileProps {
  name: string;
  value: string;
  note: string;
  alarm?: boolean;
}

export function Tile({ name, value, note, alarm = false }: TileProps) {
  return (
    <li class={alarm ? 'tile alarm' : 'tile'} data-tile={name}>
      <span class="tile-name">{name}</span>
      <span class="tile-value">{value}</span>
      <span class="faint">{note}</span>
    </li>
  );
}
