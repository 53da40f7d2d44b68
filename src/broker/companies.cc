#include "broker/companies.h"

#include <utility>

#include "broker/names.h"

namespace pathcast::broker {

Company* Companies::Find(const std::string& tenant) const {
  const auto found = by_tenant_.find(tenant);
  return found == by_tenant_.end() ? nullptr : found->second.get();
}

Company* Companies::OfBell(std::string_view bell) const {
  if (!bell.ends_with(kBellSuffix)) return nullptr;
  bell.remove_suffix(kBellSuffix.size());
  const auto found = by_base_.find(bell);
  return found == by_base_.end() ? nullptr : found->second;
}

const std::shared_ptr<Company>& Companies::Use(const std::string& tenant) {
  std::shared_ptr<Company>& company = by_tenant_[tenant];
  if (company == nullptr) {
    company = std::make_shared<Company>(tenant, BaseName(prefix_, tenant));
    by_base_.emplace(company->base, company.get());
  }
  return company;
}

std::shared_ptr<Company> Companies::Hold(const Company* company) const {
  return by_tenant_.find(company->tenant)->second;
}

void Companies::Settle(Company* company) {
  if (std::exchange(company->spare, false)) spare_.erase(company->spare_place);
  if (company->Needed()) return;
  company->spare = true;
  company->spare_place = spare_.insert(spare_.end(), company);
  if (spare_.size() <= max_spare_) return;
  Company* oldest = spare_.front();
  spare_.pop_front();
  by_base_.erase(oldest->base);
  by_tenant_.erase(oldest->tenant);
}

void Companies::Forget(const std::string& tenant) {
  Company* company = Find(tenant);
  if (company == nullptr) return;
  company->known = {};
  if (!std::exchange(company->spare, false)) return;
  spare_.erase(company->spare_place);
  by_base_.erase(company->base);
  by_tenant_.erase(tenant);
}

}  // namespace pathcast::broker
