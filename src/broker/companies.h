// The companies that a node knows something of, bounded: of those that it
// neither mirrors nor publishes to just now, the longest unused are forgotten.
// Of such a one nothing can be vouched for any more.
//
// Owner: BrokerLog. Thread: hub thread.
#ifndef PATHCAST_BROKER_COMPANIES_H_
#define PATHCAST_BROKER_COMPANIES_H_

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "broker/company.h"

namespace pathcast::broker {

class Companies {
 public:
  Companies(std::string prefix, size_t max_spare)
      : prefix_(std::move(prefix)), max_spare_(max_spare) {}
  Companies(const Companies&) = delete;
  Companies& operator=(const Companies&) = delete;

  // Null: nothing is known.
  Company* Find(const std::string& tenant) const;
  // By the name of its doorbell.
  Company* OfBell(std::string_view bell) const;
  // Made if need be; stays until the next Settle of it, at least.
  const std::shared_ptr<Company>& Use(const std::string& tenant);
  std::shared_ptr<Company> Hold(const Company* company) const;
  // It was used and may be needed no more.
  void Settle(Company* company);
  // What Redis has said of it; whatever else is under way with it stays.
  void Forget(const std::string& tenant);

  template <class Visit>
  void ForEach(Visit&& visit) {
    for (auto& [tenant, company] : by_tenant_) visit(company);
  }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  const std::string prefix_;
  const size_t max_spare_;
  std::unordered_map<std::string, std::shared_ptr<Company>> by_tenant_;
  // Keys are the companies' own.
  std::unordered_map<std::string_view, Company*> by_base_;
  // The longest unused first.
  std::list<Company*> spare_;
};

}  // namespace pathcast::broker

#endif  // PATHCAST_BROKER_COMPANIES_H_
