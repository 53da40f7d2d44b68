/**
 * What each tab of the comparison runs: signs in, starts the library's app, and keeps a record of what a person could see (each
 * different view, with its time) and of what the library told the app.
 *
 * An app: `start({ api, api version, user, told })` gives
 *   act(op)      takes what a person does. Never waits for the server. Throws or rejects where the library refuses it at once.
 *   view()       {guests: {id: {name, table}}, notes: [text]} as the app would draw it now
 *   pending()    what the library can list as not sent yet, or undefined where it has no such list
 *   signedIn()   the person signed in again after a 401
 *   signOut()    what its documentation has an app do; may give `{ unsent }`: what it asks the person about
 */
import { createApi } from './api.mjs';

const told = [];
const views = [];

function plain(value) {
  if (value instanceof Error) return { error: value.message, code: value.code, body: value.body };
  return value;
}

/** Whatever a library says to its app. `what`: failed, retrying (it goes on), storage, dropped, leadership. */
function tell(what, ...about) {
  told.push({ what, at: Date.now(), about: JSON.stringify(about.map(plain)) });
}

export function run(createApp) {
  const query = new URLSearchParams(location.search);
  const api = createApi();
  let app;

  /** The session of before where there is no network, as a cookie would be it. */
  const signIn = async (user) => {
    try {
      localStorage.setItem(`session of ${user}`, await api.signIn(user));
    } catch (error) {
      const kept = localStorage.getItem(`session of ${user}`);
      if (kept === null) throw error;
      api.token = kept;
    }
  };

  const sample = () => {
    try {
      const view = JSON.stringify(app.view());
      if (views.at(-1)?.view !== view) views.push({ at: performance.timeOrigin + performance.now(), view });
    } catch (error) {
      tell('view', error);
    }
  };

  window.comparison = {
    async start() {
      await signIn(query.get('user'));
      app = await createApp({ api, user: query.get('user'), version: Number(query.get('version') ?? 1), tell });
      sample();
      setInterval(sample, 10);
    },
    async act(op) {
      // A person goes on with the next thing; what takes longer than this is not waited for.
      const waited = new Promise((resolve) => setTimeout(resolve, 150));
      const acted = Promise.resolve()
        .then(() => app.act(op))
        .catch((error) => tell('failed', op, error));
      await Promise.race([acted, waited]);
    },
    async signInAgain() {
      await api.signIn(query.get('user'));
      await app.signedIn?.();
    },
    signOut: () => app.signOut(),
    view: () => app.view(),
    pending: async () => JSON.stringify((await app.pending()) ?? null),
    told: () => told,
    views: () => views,
  };
}
