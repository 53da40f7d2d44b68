#include "engine/channels.h"

#include <algorithm>

namespace pathcast {

namespace {

// Logs looked at for old actions in one tick.
constexpr size_t kTrimsPerTick = 256;

}  // namespace

Channel* Channels::Get(const std::string& company) const {
  auto found = by_company_.find(company);
  return found == by_company_.end() ? nullptr : found->second.get();
}

Channel* Channels::Use(const std::string& company) {
  std::unique_ptr<Channel>& channel = by_company_[company];
  if (channel == nullptr) {
    channel = std::make_unique<Channel>(company, context_->random.HexId(12),
                                        history_begins_ms_);
    context_->metrics->companies.Add(1);
    Touch(channel.get());
    ForgetSurplus();
  }
  return channel.get();
}

void Channels::Touch(Channel* channel) {
  if (channel->idle) idle_.erase(channel->idle_place);
  channel->idle = channel->size() == 0;
  if (channel->idle) channel->idle_place = idle_.insert(idle_.end(), channel);
}

void Channels::ForgetSurplus() {
  // The newest one is always kept: its caller holds it.
  while (by_company_.size() > max_companies_ && idle_.size() > 1) {
    Channel* channel = idle_.front();
    scheduler_->Forget(channel);
    context_->metrics->companies.Sub(1);
    channel->Retire(*context_);
    // Its last action may be of this very millisecond.
    history_begins_ms_ = context_->now_ms + 1;
    idle_.pop_front();
    trim_round_.clear();  // it may name this one
    trim_next_ = 0;
    by_company_.erase(by_company_.find(channel->company()));
  }
}

void Channels::TrimSome() {
  if (trim_next_ >= trim_round_.size()) {
    trim_round_.clear();
    trim_next_ = 0;
    trim_round_.reserve(by_company_.size());
    for (auto& [company, channel] : by_company_)
      trim_round_.push_back(channel.get());
  }
  const size_t stop = std::min(trim_round_.size(), trim_next_ + kTrimsPerTick);
  for (; trim_next_ < stop; ++trim_next_)
    trim_round_[trim_next_]->TrimLog(*context_);
}

}  // namespace pathcast
