/**
 * redux-offline by its README and its pages "config" and "actions": the default configuration with an effect of the app's, which adds
 * the session. What is on the screen is what the server said with the outbox over it, so that a refetch does not undo what is unsent.
 */
import { offline } from '@redux-offline/redux-offline';
import { RESET_STATE } from '@redux-offline/redux-offline/lib/constants';
import offlineConfig from '@redux-offline/redux-offline/lib/defaults';
import { createStore } from 'redux';
import { show } from '../page/api.mjs';
import { run } from '../page/page.mjs';

const nothing = { guests: [], notes: [] };

run(async ({ api, version, tell }) => {
  const title = version === 1 ? 'name' : 'title';
  const reducer = (state = { server: nothing }, action) => {
    if (action.type === 'STATE') return { ...state, server: action.payload };
    if (action.type === 'WRITE_ROLLBACK') tell('failed', action.meta.op, action.payload);
    if (action.type === 'WRITE_COMMIT') return { ...state, server: show(state.server, action.meta.op, title) };
    return state;
  };
  let store;
  await new Promise((resolve) => {
    store = createStore(reducer, offline({ ...offlineConfig, effect: (op) => api.write(op), persistCallback: resolve }));
  });

  const refetch = () => api.read().then((payload) => store.dispatch({ type: 'STATE', payload })).catch(() => undefined);
  let stop = api.onChange(refetch);
  const outbox = () => store.getState().offline.outbox;

  return {
    act: (op) => {
      store.dispatch({
        type: 'WRITE',
        payload: op,
        meta: { offline: { effect: op, commit: { type: 'WRITE_COMMIT', meta: { op } }, rollback: { type: 'WRITE_ROLLBACK', meta: { op } } } },
      });
    },
    view: () => {
      const { guests, notes } = outbox().reduce((state, { payload }) => show(state, payload, title), store.getState().server);
      return { guests: Object.fromEntries(guests.map((guest) => [guest.id, { name: guest[title], table: guest.table }])), notes: notes.map(({ text }) => text) };
    },
    pending: () => outbox().map(({ payload }) => payload),
    signedIn: () => {
      stop();
      stop = api.onChange(refetch);
    },
    signOut: () => {
      stop();
      store.dispatch({ type: RESET_STATE });
    },
  };
});
