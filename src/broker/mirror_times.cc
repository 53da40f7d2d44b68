// What in the mirrors waits for a time.
#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "broker/mirrors.h"

namespace pathcast::broker {
namespace {

// For the doorbells before an own action: they come on the other connection.
constexpr int64_t kExpectMs = 100;

// A mirror that nobody listens to is kept for who comes back soon.
constexpr int64_t kIdleMs = 30'000;

}  // namespace

void Mirrors::Retry(Company* company, int64_t ms) {
  company->read_again_ms = shared_->NowMs() + ms;
  Wait(company);
}

void Mirrors::Wait(Company* company) {
  if (std::exchange(company->waits, true)) return;
  waits_.push_back(shared_->companies.Hold(company));
}

void Mirrors::Expect(Company* company, uint64_t seq) {
  if (company->expected_seq == 0) company->expected_since_ms = shared_->NowMs();
  company->expected_seq = std::max(company->expected_seq, seq);
  Wait(company);
}

int64_t Mirrors::NextDueMs() const {
  int64_t due = std::numeric_limits<int64_t>::max();
  if (!leaving_.empty()) due = leaving_.front().first + kIdleMs;
  for (const std::shared_ptr<Company>& company : waits_) {
    if (company->read_again_ms != 0)
      due = std::min(due, company->read_again_ms);
    if (company->expected_seq != 0)
      due = std::min(due, company->expected_since_ms + kExpectMs);
  }
  return due;
}

void Mirrors::OnTick() {
  const int64_t now = shared_->NowMs();
  while (!leaving_.empty() && leaving_.front().first + kIdleMs <= now) {
    const auto [since, tenant] = std::move(leaving_.front());
    leaving_.pop_front();
    Company* company = shared_->companies.Find(tenant);
    if (company == nullptr || !company->watched ||
        company->idle_since_ms != since) {
      continue;
    }
    Channel* channel = shared_->owner->Mirror(tenant);
    if (channel != nullptr && channel->size() > 0) continue;
    Leave(company);
    if (channel != nullptr) shared_->owner->OnMirrorIdle(channel);
  }
  std::vector<std::shared_ptr<Company>> waits;
  waits.swap(waits_);
  for (const std::shared_ptr<Company>& company : waits) {
    company->waits = false;
    const bool missing = company->expected_seq != 0 &&
                         company->expected_since_ms + kExpectMs <= now;
    const bool retry =
        company->read_again_ms != 0 && company->read_again_ms <= now;
    if (missing) {
      company->expected_seq = 0;
      Gap(company.get());
    }
    if (retry) company->read_again_ms = 0;
    if (company->expected_seq != 0 || company->read_again_ms != 0)
      Wait(company.get());
    if (missing || retry) WantRead(company.get());
  }
  ReadSome();
}

}  // namespace pathcast::broker
