#include "broker/witness.h"

#include <string_view>
#include <utility>
#include <vector>

#include "broker/names.h"
#include "broker/stored.h"

namespace pathcast::broker {
namespace {

// Redis has other things to do after a failover.
constexpr size_t kAsksAtOnce = 16;

constexpr size_t kEpochDigits = 12;
// In an answer of READ.
constexpr size_t kHeadParts = 9;

}  // namespace

void Witness::OnConnected() {
  there_.clear();
  if (const std::string_view run = shared_->transport->run_id(); !run.empty()) {
    there_.emplace(run);
  }
  line_.clear();
  shared_->companies.ForEach([this](const std::shared_ptr<Company>& company) {
    if (!company->known.epoch.empty() && !there_.contains(company->known.run)) {
      line_.push_back(company);
    }
  });
  AskSome();
}

void Witness::Ask(Company* company) {
  line_.push_back(shared_->companies.Hold(company));
}

void Witness::OnTick() { AskSome(); }

void Witness::AskSome() {
  while (!line_.empty() && asking_ < kAsksAtOnce &&
         shared_->transport->commands_ready()) {
    const std::shared_ptr<Company> company = std::move(line_.front());
    line_.pop_front();
    const Known& known = company->known;
    if (there_.contains(known.run)) continue;
    ++asking_;
    const LogNames names(company->base);
    const std::string seq = std::to_string(known.seq);
    const std::string from = std::to_string(known.seq + 1);
    const std::string bell = BellName(company->base);
    const std::string placed = std::to_string(known.at_ms);
    const std::string fresh = shared_->context->random.HexId(kEpochDigits);
    const std::string_view keys[] = {names.head, names.log, names.ids};
    const std::string_view arguments[] = {shared_->transport->run_id(),
                                          known.run,
                                          known.epoch,
                                          seq,
                                          known.id,
                                          "",
                                          fresh,
                                          from,
                                          "1",
                                          bell,
                                          shared_->transport->ring(),
                                          placed};
    shared_->transport->Eval(shared_->read_script, keys, arguments,
                             [this, company, epoch = known.epoch,
                              run = known.run](redis::Reply reply) {
                               OnAnswer(company, epoch, run, std::move(reply));
                             });
  }
}

void Witness::OnAnswer(const std::shared_ptr<Company>& company,
                       const std::string& epoch, const std::string& run,
                       redis::Reply reply) {
  shared_->owner->BeginBrokerTurn();
  --asking_;
  const auto& parts = reply.elements();
  uint64_t newest = 0, at = 0;
  // What it refuses now it is told with the next publish.
  if (parts.size() >= kHeadParts && parts[0].text() == "OK" &&
      ReadNumber(parts[2].text(), &newest) &&
      ReadNumber(parts[3].text(), &at)) {
    shared_->Began(parts[4].text(), company->tenant);
    Said said{parts[8].text(), parts[1].text(),         newest, {},
              parts[7].text(), static_cast<int64_t>(at)};
    if (said.run == run) there_.emplace(run);
    const bool more = parts.size() > kHeadParts + 2;
    if (more) said.id = parts[kHeadParts + 2].text();
    // Which action is at the head is not told where there are several more.
    const bool whole = !more || parts[kHeadParts].text() == parts[2].text();
    if (whole && !Learn(&company->known, said)) line_.push_back(company);
    if (said.epoch != epoch) on_other_(company.get());
  }
  AskSome();
}

}  // namespace pathcast::broker
