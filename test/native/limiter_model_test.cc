// The limiter against a model so plain that it is right by inspection.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "alive.h"
#include "core/limiter.h"
#include "core/random.h"
#include "seed.h"

namespace pathcast {
namespace {

class Model {
 public:
  struct Lease {
    uint64_t id;
    std::string tenant, user, instance;
    bool evictable;
    int64_t alive_ms;
  };
  struct Outcome {
    Admission admission = Admission::kAdmitted;
    std::vector<uint64_t> replaced = {}, evicted = {};
  };

  explicit Model(const LimiterOptions& options) : options_(options) {}

  // Decides and applies; the caller adds the newcomer under the real id.
  Outcome Decide(const LeaseRequest& request) {
    const std::vector<Lease> before = leases_;
    Outcome outcome;
    if (!request.instance.empty()) {
      for (const Lease& lease : before) {
        if (lease.tenant == request.tenant && lease.user == request.user &&
            lease.instance == request.instance) {
          outcome.replaced.push_back(lease.id);
          Release(lease.id);
        }
      }
    }
    const auto of_user = [&](const Lease& lease) {
      return lease.tenant == request.tenant && lease.user == request.user;
    };
    const auto of_tenant = [&](const Lease& lease) {
      return lease.tenant == request.tenant;
    };
    if (!MakeRoom(of_user, options_.max_per_user, &outcome)) {
      leases_ = before;
      return Outcome{.admission = Admission::kUserLimit};
    }
    if (!MakeRoom(of_tenant, options_.max_per_tenant, &outcome)) {
      leases_ = before;
      return Outcome{.admission = Admission::kTenantLimit};
    }
    return outcome;
  }

  void Add(uint64_t id, const LeaseRequest& request) {
    leases_.push_back(Lease{.id = id,
                            .tenant = std::string(request.tenant),
                            .user = std::string(request.user),
                            .instance = std::string(request.instance),
                            .evictable = request.evictable,
                            .alive_ms = request.now_ms});
  }

  bool Release(uint64_t id) {
    return std::erase_if(leases_, [&](const Lease& l) { return l.id == id; }) >
           0;
  }

  void Touch(uint64_t id, int64_t now_ms) {
    for (Lease& lease : leases_) {
      if (lease.id == id) lease.alive_ms = std::max(lease.alive_ms, now_ms);
    }
  }

  size_t Count(std::string_view tenant) const {
    return static_cast<size_t>(
        std::count_if(leases_.begin(), leases_.end(),
                      [&](const Lease& l) { return l.tenant == tenant; }));
  }
  size_t Count(std::string_view tenant, std::string_view user) const {
    return static_cast<size_t>(std::count_if(
        leases_.begin(), leases_.end(),
        [&](const Lease& l) { return l.tenant == tenant && l.user == user; }));
  }
  const std::vector<Lease>& leases() const { return leases_; }

 private:
  // Evicts the oldest of `group` until one more fits below `limit`.
  template <class Group>
  bool MakeRoom(Group group, uint32_t limit, Outcome* outcome) {
    while (limit != 0 && static_cast<uint32_t>(std::count_if(
                             leases_.begin(), leases_.end(), group)) >= limit) {
      const Lease* oldest = nullptr;  // The first held among equals.
      for (const Lease& lease : leases_) {
        if (group(lease) && lease.evictable &&
            (oldest == nullptr || lease.alive_ms < oldest->alive_ms)) {
          oldest = &lease;
        }
      }
      if (!options_.evict_oldest || oldest == nullptr) return false;
      outcome->evicted.push_back(oldest->id);
      Release(oldest->id);
    }
    return true;
  }

  const LimiterOptions options_;
  std::vector<Lease> leases_;  // In the order they were acquired.
};

void Compare(uint64_t seed, const LimiterOptions& options, int steps) {
  Random random(seed);
  Alive alive;
  Limiter limiter(options);
  Model model(options);
  std::vector<uint64_t> ever;  // Each id there was, so that old ones are tried.
  int64_t now_ms = 0;
  const auto name = [&](const char* kind, uint64_t count) {
    return kind + std::to_string(random.Between(0, count - 1));
  };
  const auto any_lease = [&]() -> uint64_t {
    const auto& held = model.leases();
    if (ever.empty()) return random.Next();
    return !held.empty() && random.Between(0, 3) != 0
               ? held[random.Between(0, held.size() - 1)].id
               : ever[random.Between(0, ever.size() - 1)];
  };

  for (int step = 0; step < steps; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    now_ms += static_cast<int64_t>(random.Between(0, 2));
    // Phases of growth and of decline, so that both ends are met.
    const uint64_t acquires = (step / 500) % 2 == 0 ? 5 : 2;
    const uint64_t action = random.Between(0, 9);
    if (action < acquires) {
      const std::string tenant = name("c", 3);
      const std::string user = name("u", 4);
      const std::string instance =
          random.Between(0, 2) == 0 ? name("i", 3) : "";
      const LeaseRequest request{.tenant = tenant,
                                 .user = user,
                                 .instance = instance,
                                 .evictable = random.Between(0, 9) != 0,
                                 .now_ms = now_ms};
      const Model::Outcome expected = model.Decide(request);
      const AdmissionResult got = limiter.Acquire(request);
      ASSERT_EQ(got.admission, expected.admission);
      ASSERT_EQ(got.replaced, expected.replaced);
      ASSERT_EQ(got.evicted, expected.evicted);
      ASSERT_EQ(got.lease != 0, got.admission == Admission::kAdmitted);
      if (got.lease != 0) {
        ASSERT_EQ(std::count(ever.begin(), ever.end(), got.lease), 0);
        ever.push_back(got.lease);
        model.Add(got.lease, request);
      } else {
        ASSERT_EQ(got.current, got.limit);
      }
    } else if (action < 7) {
      const uint64_t lease = any_lease();
      ASSERT_EQ(limiter.Release(lease), model.Release(lease));
    } else if (random.Between(0, 29) == 0) {
      // A fan-out: everybody was alive.
      for (const Model::Lease& lease : model.leases()) {
        alive.Touch(&limiter, lease.id, now_ms);
        model.Touch(lease.id, now_ms);
      }
    } else {
      const uint64_t lease = any_lease();
      alive.Touch(&limiter, lease, now_ms);
      model.Touch(lease, now_ms);
    }
    ASSERT_EQ(limiter.HeldTotal(), model.leases().size());
    for (int c = 0; c < 3; ++c) {
      const std::string tenant = "c" + std::to_string(c);
      ASSERT_EQ(limiter.HeldByTenant(tenant), model.Count(tenant));
      for (int u = 0; u < 4; ++u) {
        const std::string user = "u" + std::to_string(u);
        ASSERT_EQ(limiter.HeldByUser(tenant, user), model.Count(tenant, user));
      }
    }
  }
  while (!model.leases().empty()) {
    const uint64_t lease = model.leases().front().id;
    ASSERT_TRUE(limiter.Release(lease));
    ASSERT_TRUE(model.Release(lease));
  }
  EXPECT_EQ(limiter.HeldTotal(), 0u);
}

TEST(LimiterModelTest, AgreesOnEachStep) {
  const uint64_t seed = TestSeed();
  const LimiterOptions all[] = {
      {.max_per_user = 2, .max_per_tenant = 5},
      {.max_per_user = 2, .max_per_tenant = 5, .evict_oldest = true},
      {.max_per_user = 0, .max_per_tenant = 6, .evict_oldest = true},
      {.max_per_user = 3, .max_per_tenant = 0, .evict_oldest = true},
      {.max_per_user = 9, .max_per_tenant = 20, .evict_oldest = true},
      {.max_per_user = 0, .max_per_tenant = 45, .evict_oldest = true},
      {.max_per_user = 0, .max_per_tenant = 0},
      {.max_per_user = 1, .max_per_tenant = 1, .evict_oldest = true},
  };
  for (const LimiterOptions& options : all) {
    SCOPED_TRACE(std::to_string(options.max_per_user) + " of " +
                 std::to_string(options.max_per_tenant));
    Compare(seed, options, 3000);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace pathcast
