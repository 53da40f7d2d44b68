/** One live chart: a title, the newest values, and lines over the last minutes. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

export interface Series {
  label: string;
  /** A custom property of the style sheet, `--chart-1`. */
  colour: string;
  /** One value a sample; null is a gap. */
  values: (number | null)[];
  fill?: boolean;
}

interface ChartProps {
  title: string;
  /** Unix ms of each sample. */
  times: readonly number[];
  series: readonly Series[];
  format: (value: number) => string;
  /** Counts: no fractions on the axis. */
  whole?: boolean;
}

const HEIGHT = 190;
/** Steps of an axis of counts. */
const WHOLE_STEPS = [1, 2, 5].flatMap((digit) => [0, 1, 2, 3, 4, 5, 6].map((power) => digit * 10 ** power)).sort((a, b) => a - b);

const property = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function optionsOf({ series, format, whole }: Pick<ChartProps, 'series' | 'format' | 'whole'>, width: number): uPlot.Options {
  const axis = { stroke: property('--faint'), grid: { stroke: property('--line'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
  return {
    width,
    height: HEIGHT,
    padding: [10, 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { x: { time: true }, y: { range: (_chart, _min, max) => [0, max > 0 ? max * 1.15 : whole === true ? 4 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, space: 70, size: 24, values: (_chart, ticks) => ticks.map((tick) => new Date(tick * 1000).toLocaleTimeString('en', { hour12: false, minute: '2-digit', second: '2-digit' })) },
      {
        ...axis,
        size: 66,
        values: (_chart, ticks) => ticks.map((tick) => (tick === 0 ? '0' : format(tick))),
        ...(whole === true && { incrs: WHOLE_STEPS }),
      },
    ],
    series: [
      {},
      ...series.map(({ label, colour, fill }) => ({
        label,
        stroke: property(colour),
        width: 2,
        // A long stretch without a value is a gap; a value between two gaps is a dot.
        points: { show: true, size: 4, fill: property(colour), filter: lonely },
        ...(fill === true && { fill: `${property(colour)}22` }),
      })),
    ],
  };
}

/** Seconds without a value that a line may cross; after a longer silence it starts anew. */
const BRIDGED = 15;

/** uPlot draws through `undefined` and stops at null. */
function bridged(values: readonly (number | null)[]): (number | null | undefined)[] {
  const result: (number | null | undefined)[] = [...values];
  let last = -1;
  values.forEach((value, index) => {
    if (value === null) return;
    if (last >= 0 && index - last <= BRIDGED) result.fill(undefined, last + 1, index);
    last = index;
  });
  return result;
}

/** Indices of the values that no line reaches. */
function lonely(chart: uPlot, index: number): number[] {
  const values = chart.data[index] ?? [];
  const found: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (typeof values[i] === 'number' && values[i - 1] === null && values[i + 1] === null) found.push(i);
  }
  return found;
}

export function Chart({ title, times, series, format, whole = false }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const build = (): void => {
      chart.current?.destroy();
      chart.current = new uPlot(optionsOf({ series, format, whole }, element.clientWidth), [[]], element);
    };
    build();
    const resized = new ResizeObserver(() => chart.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    // The colours are read once a chart is built.
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', build);
    return () => {
      resized.disconnect();
      dark.removeEventListener('change', build);
      chart.current?.destroy();
    };
  }, []);

  useEffect(() => {
    chart.current?.setData([times.map((at) => at / 1000), ...series.map(({ values }) => bridged(values))]);
  });

  return (
    <figure class="chart" aria-label={title} data-chart={title}>
      <figcaption>
        <h2>{title}</h2>
        <ul class="legend">
          {series.map(({ label, colour, values }) => {
            const newest = values.findLast((value) => value !== null);
            return (
              <li key={label}>
                <svg class="key" viewBox="0 0 10 10" aria-hidden="true"><circle cx="5" cy="5" r="5" fill={`var(${colour})`} /></svg>
                {label} <b>{newest == null ? '—' : format(newest)}</b>
              </li>
            );
          })}
        </ul>
      </figcaption>
      <div ref={box} class="canvas" />
    </figure>
  );
}
