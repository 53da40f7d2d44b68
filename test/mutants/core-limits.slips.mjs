// The limiter of the native engine.
import { gtest } from './tests.mjs';

export const slips = [
  {
    name: 'N39',
    file: 'src/core/limiter.cc',
    why: 'instance replacement at the limit is refused',
    find: '--user_held; --tenant_held; }',
    replace: '}',
    tests: [gtest('limiter_model_test', 'LimiterModelTest.AgreesOnEachStep')],
  },
  {
    name: 'N40',
    file: 'src/core/limiter.cc',
    why: 'eviction at the tenant limit by age, not by last life',
    find: 'if (top.key_ms == alive_ms) return home.heap[0];',
    replace: 'return home.heap[0];',
    tests: [gtest('limiter_model_test', 'LimiterModelTest.AgreesOnEachStep')],
  },
  {
    name: 'N41',
    file: 'src/core/limiter.cc',
    why: "tie among a user's streams: the newest goes",
    find: 'lease.alive_ms() <= leases_[oldest].alive_ms()',
    replace: 'lease.alive_ms() < leases_[oldest].alive_ms()',
    tests: [gtest('limiter_model_test', 'LimiterModelTest.AgreesOnEachStep')],
  },
  {
    name: 'N42',
    file: 'src/core/limiter.cc',
    why: 'a lease of acquire() can be evicted at the user limit',
    find: 'if (lease.heap_at == kNone) continue;',
    replace: '',
    tests: [gtest('limiter_model_test', 'LimiterModelTest.AgreesOnEachStep')],
  },
  {
    name: 'N43',
    file: 'src/core/limiter.h',
    why: 'a life before the lease began counts: what was never written is oldest',
    find: 'return alive_at != nullptr && *alive_at > key_ms ? *alive_at : key_ms;',
    replace: 'return alive_at != nullptr ? *alive_at : key_ms;',
    tests: [gtest('limiter_test', 'LimiterTest.ALifeBeforeTheLeaseDoesNotCount')],
  },
  {
    name: 'N44',
    file: 'src/core/limiter.cc',
    why: "an old lease id releases its slot's next holder (release twice)",
    find: 'return leases_[slot].serial == serial ? slot : kNone;',
    replace: 'return slot;',
    tests: [gtest('limiter_model_test', 'LimiterModelTest.AgreesOnEachStep')],
  },
  {
    name: 'N112',
    file: 'src/core/limiter.cc',
    why: 'eviction at the user limit does not count for the tenant limit',
    find: 'return refuse(Admission::kUserLimit, options_.max_per_user, user_held); } --tenant_held;',
    replace: `return refuse(Admission::kUserLimit, options_.max_per_user, user_held);
    }`,
    tests: [gtest('limiter_model_test', 'LimiterModelTest.AgreesOnEachStep')],
  },
];
