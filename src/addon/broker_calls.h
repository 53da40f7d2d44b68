// How the host says where the log lives.
#ifndef PATHCAST_ADDON_BROKER_CALLS_H_
#define PATHCAST_ADDON_BROKER_CALLS_H_

#include <napi.h>

#include <string>

#include "addon/arguments.h"
#include "engine/hub_options.h"

namespace pathcast {

// BrokerLogOptions of lib/internal/broker.ts, scripts as their text.
broker::LogOptions ReadBrokerOptions(Arguments* args, Napi::Object object);
// Without a password; empty where it is no URL.
std::string ShownUrl(const std::string& url);

}  // namespace pathcast

#endif  // PATHCAST_ADDON_BROKER_CALLS_H_
