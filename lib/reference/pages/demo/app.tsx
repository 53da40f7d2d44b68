/** `/`: three people, two companies, one page. */
import { PersonPane } from './pane.js';
import { currentWorkspace, peopleOf, startOver } from './workspace.js';

const people = peopleOf(currentWorkspace());

export function App() {
  return (
    <>
      <header class="top">
        <a class="brand" href="/" aria-label="pathcast">
          <img src="/assets/favicon.svg" alt="" width="28" height="28" />
          pathcast
        </a>
        <p class="lead">
          Three people, each with a session and a stream of their own. What <b>Ada</b> changes, <b>Bilal</b> sees at once;{' '}
          <b>Chen</b> works for another company and never hears of it.
        </p>
        <nav>
          <button type="button" class="button quiet" onClick={startOver}>Start over</button>
          <a class="button quiet" href="/dashboard" target="_blank" rel="noopener">Dashboard</a>
        </nav>
      </header>
      <main class="panes">
        {people.map((person, index) => (
          <PersonPane key={person.userId} person={person} tint={index < 2 ? 'meadow' : 'harbour'} />
        ))}
      </main>
    </>
  );
}
