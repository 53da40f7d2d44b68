// Many actions that wait for a broker as one.
//
// Pure; any thread.
#ifndef PATHCAST_BROKER_CONFLATE_H_
#define PATHCAST_BROKER_CONFLATE_H_

#include <deque>
#include <string>

#include "broker/company.h"
#include "json/action_reader.h"

namespace pathcast::broker {

// One action in place of the orders [from, end): the union of their paths,
// `*` for a module or an entity where they differ, no data, nobody's in
// particular. False where one of them cannot be read.
bool Conflate(ActionReader* reader, const std::deque<Order>& orders,
              size_t from, const std::string& tenant, std::string id,
              int64_t now_ms, Order* made);

}  // namespace pathcast::broker

#endif  // PATHCAST_BROKER_CONFLATE_H_
