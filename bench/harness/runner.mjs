/** Runs the trials of a scenario and makes rows of them: `{subject, metric, value, unit, values}`. */
import { median, spread } from './stats.mjs';

/**
 * Rounds of all subjects one after another, so that what changes on the machine meanwhile meets all of them alike.
 * `failures` holds what went wrong; a subject that failed has no rows.
 */
export async function runScenario(scenario, { subjects, trials, parameters, onTrial = () => undefined }) {
  const rounds = [];
  const failures = new Map();
  for (let round = 0; round < trials; round += 1) {
    const figures = new Map();
    for (const subject of subjects) {
      if (failures.has(subject)) continue;
      try {
        figures.set(subject, await scenario.trial(subject, parameters));
        onTrial(subject, round, figures.get(subject));
      } catch (error) {
        failures.set(subject, error);
        onTrial(subject, round, error);
      }
    }
    rounds.push(figures);
  }

  const rows = [];
  for (const subject of subjects.filter((name) => !failures.has(name))) {
    for (const [metric, unit] of Object.entries(scenario.metrics)) {
      addRow(rows, subject, metric, unit, rounds.map((figures) => figures.get(subject)[metric]));
    }
    for (const { of, against, metric } of scenario.ratios) {
      if (subject === against || failures.has(against) || !subjects.includes(against)) continue;
      const quotients = rounds.map((figures) => figures.get(subject)[of] / figures.get(against)[of]);
      addRow(rows, subject, metric, 'ratio', quotients);
    }
  }
  return { rows, failures };
}

function addRow(rows, subject, metric, unit, values) {
  if (values.some((value) => value === undefined)) return;
  rows.push({ subject, metric, value: median(values), unit, spread: spread(values), values });
}

/** What the promises come to: one verdict for each target whose figure is there. */
export function verdicts(scenario, rows) {
  return scenario.targets.flatMap(({ subject, metric, atMost, atLeast }) => {
    const row = rows.find((candidate) => candidate.subject === subject && candidate.metric === metric);
    if (!row) return [];
    const met = atMost === undefined ? row.value >= atLeast : row.value <= atMost;
    return [{ subject, metric, value: row.value, unit: row.unit, bound: atMost ?? atLeast, sense: atMost === undefined ? 'at least' : 'at most', met }];
  });
}
