// What this node knows of companies' logs, told to a Redis that has become
// another one. A node that only publishes would keep to itself what Redis has
// lost, and those who stream would go on without it.
//
// Owner: BrokerLog. Thread: hub thread.
#ifndef PATHCAST_BROKER_WITNESS_H_
#define PATHCAST_BROKER_WITNESS_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "broker/company.h"
#include "broker/shared.h"

namespace pathcast::broker {

class Witness {
 public:
  // A log goes by another name than this node knew, or is another one.
  using OnOther = std::function<void(Company*)>;

  Witness(Shared* shared, OnOther on_other)
      : shared_(shared), on_other_(std::move(on_other)) {}
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

  void OnConnected();
  void Ask(Company* company);
  void OnTick();
  bool idle() const { return line_.empty(); }

 private:
  void AskSome();
  void OnAnswer(const std::shared_ptr<Company>& company,
                const std::string& epoch, const std::string& run,
                redis::Reply reply);

  Shared* const shared_;
  const OnOther on_other_;
  std::deque<std::shared_ptr<Company>> line_;
  size_t asking_ = 0;
  // Those that are still the ones that were known.
  std::set<std::string, std::less<>> there_;
};

}  // namespace pathcast::broker

#endif  // PATHCAST_BROKER_WITNESS_H_
