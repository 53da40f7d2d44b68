// The log in a Redis, the native engine's half.
import { gtest } from './tests.mjs';

const log = (name) => gtest('broker_log_test', `BrokerLog.${name}`);
const outbox = (name) => gtest('broker_outbox_test', name);
const gate = (name) => gtest('broker_gate_test', `BrokerGateTest.${name}`);

export const slips = [
  {
    name: 'B02',
    file: 'src/broker/mirrors.cc',
    why: 'a doorbell beyond the next place is delivered before the gap is read',
    find: `  if (action.seq != log.head_seq() + 1) return false;
  EntryRef entry`,
    replace: '  EntryRef entry',
    tests: [log('ATrimmedStretchIsAResyncWithItsReason')],
  },
  {
    name: 'B07',
    file: 'src/broker/mirror_entry.cc',
    why: "an action of another company, under this one's key or through its doorbell, reaches its streams",
    find: `fields.id != placed.id ||
      fields.company_id != channel->tenant()`,
    replace: 'fields.id != placed.id',
    tests: [outbox('BrokerForeign.AnActionOfAnotherCompanyIsRefusedWhereverItStands')],
  },
  {
    name: 'B10',
    file: 'src/broker/outbox.cc',
    why: 'at the bound what waits is dropped in place of being put together',
    find: '  orders.push_back(std::move(made));\n  return true;',
    replace: '  --actions_;\n  bytes_ -= made.Bytes();\n  return true;',
    tests: [outbox('OutboxTest.BeyondItsBoundACompanysActionsBecomeOneAndNobodyStaysStale')],
  },
  {
    name: 'B11',
    file: 'src/broker/mirrors.cc',
    why: 'an ephemeral event of this node comes back to its streams by its doorbell',
    find: 'if (event.node_id == shared_->options.node_id) return;',
    replace: '',
    tests: [log('AnEphemeralEventCrossesNodesAndComesOnce')],
  },
  {
    name: 'B12',
    file: 'src/broker/host_transport.cc',
    why: 'what the host answers twice is answered twice, or what is open at the end never',
    find: '  open.swap(open_);',
    replace: '',
    tests: [outbox('HostTransportTest.EachQuestionIsAnsweredOnceWhateverTheHostSays')],
  },
  {
    name: 'B13',
    file: 'src/broker/mirrors.cc',
    why: 'a doorbell that stands anew is taken for one that missed nothing',
    find: `company->standing = true;
  WantRead(company);`,
    replace: 'company->standing = true; if (!company->read) WantRead(company);',
    tests: [log('ADoorbellThatStandsAnewMakesTheNodeRead')],
  },
  {
    name: 'B14',
    file: 'src/broker/outbox.cc',
    why: 'an order of which nobody knows what became is taken for one that has its place',
    find: 'shared_->metrics().lost.Add(1);',
    replace: 'shared_->metrics().lost.Add(1); return true;',
    tests: [outbox('OutboxTest.WhatWasLostOnItsWayIsSentAgain')],
  },
  {
    name: 'B15',
    file: 'src/broker/mirrors.cc',
    why: 'logs are read before those who were told to end meanwhile have ended',
    find: '!shared_->transport->commands_ready() || !shared_->gate.open()',
    replace: '!shared_->transport->commands_ready()',
    tests: [gate('AStreamThatWasRevokedMeanwhileHearsNothingOfIt')],
  },
  {
    name: 'B16',
    file: 'src/broker/mirrors.cc',
    why: 'a read that is answered after the gate was shut is shown',
    find: '!reply.answered() || !shared_->gate.open()',
    replace: '!reply.answered()',
    tests: [gate('AReadThatIsUnderWayWhenItShutsShowsNothing')],
  },
  {
    name: 'B17',
    file: 'src/broker/outbox.cc',
    why: 'what a duplicate says is shown in the place of what the first said',
    find: 'if (!duplicate) return on_placed_(company, head, *order);',
    replace: 'return on_placed_(company, head, *order);',
    tests: [gtest('broker_contents_test', 'BrokerContents.ADuplicateIsDeliveredWithWhatTheFirstSaid')],
  },
  {
    name: 'B18',
    file: 'src/broker/mirrors.cc',
    why: 'a doorbell that cannot be read is counted and nothing else: its action never comes',
    find: '"somebody else publishes to its channel"); LookSoon(company);',
    replace: '"somebody else publishes to its channel");',
    tests: [gtest('broker_contents_test', 'BrokerContents.WhereADoorbellCannotBeReadTheLogIs')],
  },
];
