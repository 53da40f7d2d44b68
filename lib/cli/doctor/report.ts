/** What a visit of the doctor collects: findings, and what was looked at, and what was not. */
import { FINDINGS, remedyOf, SEVERITIES, type Finding, type FindingId, type Proxy } from './findings.js';

export interface DoctorReport {
  findings: Finding[];
  /** Sentences: what was looked at, and was right. */
  checked: string[];
  /** Sentences: what was not looked at, and why. */
  notChecked: string[];
}

export class Visit {
  readonly #findings: Finding[] = [];
  readonly #checked: string[] = [];
  readonly #notChecked: string[] = [];
  /** Known from the first answer on. */
  proxy: Proxy | undefined;

  /** `remedy`: in the place of the registry's. One finding an id and text. */
  found(id: FindingId, what: string, remedy = remedyOf(id, this.proxy)): void {
    if (this.#findings.some((one) => one.id === id && one.what === what)) return;
    this.#findings.push({ id, severity: FINDINGS[id].severity, what, remedy });
  }

  checked(what: string): void {
    this.#checked.push(what);
  }

  notChecked(what: string): void {
    this.#notChecked.push(what);
  }

  report(): DoctorReport {
    const rank = ({ severity }: Finding): number => SEVERITIES.indexOf(severity);
    return {
      findings: [...this.#findings].sort((a, b) => rank(a) - rank(b)),
      checked: [...this.#checked],
      notChecked: [...this.#notChecked],
    };
  }
}
