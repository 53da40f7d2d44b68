import { quiet, told, type Truth } from './truth.js';

/** A chatbot whose tools are an array of definitions and a Map. */
export const truth: Truth = {
  root: 'src/server/index.ts#appRouter',
  queries: 3,
  mutations: {
    'appointments.create': told(['appointment'], 'appointments.list', 'appointments.day'),
    'appointments.cancel': told(['appointment'], 'appointments.list', 'appointments.day'),
    'customers.create': told(['customer'], 'customers.list'),
    'customers.forget': quiet('customer'),
  },
  findings: [
    'missing-client-id appointments.cancel',
    'silent customers.forget',
    'phantom create_customer',
    'tool-mismatch create_appointment',
    'tool-mismatch create_customer',
  ],
  debatable: ['tool-mismatch forget_customer', 'missing-client-id executeTool'],
  nearest: { 'customers.getAll': 'customers.list' },
  tools: {
    create_appointment: { verdict: 'mismatch', missing: ['appointments.day'] },
    cancel_appointment: { verdict: 'match' },
    create_customer: { verdict: 'mismatch', extra: ['customers.getAll'] },
    forget_customer: { verdict: 'mutation-silent' },
  },
};
