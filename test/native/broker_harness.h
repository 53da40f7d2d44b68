// Hubs that share one Redis of the test's own, a real process.
#ifndef PATHCAST_TEST_NATIVE_BROKER_HARNESS_H_
#define PATHCAST_TEST_NATIVE_BROKER_HARNESS_H_

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/names.h"
#include "broker/transport.h"
#include "hub_harness.h"
#include "redis_server.h"

namespace pathcast {

// The text of a template literal of TypeScript, as it is when that runs.
inline std::string ScriptText(const std::string& file,
                              const std::string& name) {
  std::ifstream stream(std::string(PATHCAST_ROOT) + "/lib/redis/scripts/" +
                       file);
  const std::string source((std::istreambuf_iterator<char>(stream)), {});
  const std::string begin = "export const " + name + " = `";
  const size_t at = source.find(begin);
  EXPECT_NE(at, std::string::npos) << file;
  std::string text;
  for (size_t i = at + begin.size(); i < source.size(); ++i) {
    if (source[i] == '`') return text;
    if (source[i] == '\\') {
      text.push_back(source[++i]);
    } else if (source.compare(i, 7, "${HEAD}") == 0) {
      text += ScriptText("head.ts", "HEAD");
      i += 6;
    } else {
      text.push_back(source[i]);
    }
  }
  ADD_FAILURE() << file << " has no end";
  return text;
}

inline broker::LogOptions BrokerOptions(const redis::RedisServer& server,
                                        const std::string& node) {
  broker::LogOptions options;
  options.node_id = node;
  options.url = "redis+unix://" + server.unix_socket().path;
  options.publish_script = ScriptText("publish.ts", "PUBLISH");
  options.read_script = ScriptText("read.ts", "READ");
  return options;
}

// A node; the machine's own clock.
class BrokerHub {
 public:
  BrokerHub(const redis::RedisServer& server, const std::string& node,
            const std::function<void(HubOptions&)>& adjust = {})
      : hub([&](HubOptions& options) {
          options.hub_id = node;
          options.seed = std::hash<std::string>()(node);
          options.clock = nullptr;
          options.broker = BrokerOptions(server, node);
          if (adjust) adjust(options);
        }) {}

  const BrokerMetrics& broker() const { return hub.metrics().broker; }
  void UntilReady() {
    hub.Until([&] {
      return broker().link.Get() ==
             static_cast<uint64_t>(broker::LinkState::kReady);
    });
  }
  PublishOutcome Publish(const std::string& tenant, const std::string& id,
                         const std::string& path = "guests.getAll",
                         size_t data_bytes = 0) {
    return hub.Publish({Item(tenant, id, path, data_bytes)}).outcomes.at(0);
  }
  // A log in a broker takes no action that does not say whose it is.
  static PublishItem Item(const std::string& tenant, const std::string& id,
                          const std::string& path = "guests.getAll",
                          size_t data_bytes = 0) {
    PublishItem item = TestHub::Item(tenant, id, path, data_bytes);
    const std::string field = "\"companyId\":\"" + tenant + "\",";
    item.text.insert(1, field);
    item.split += field.size();
    return item;
  }

  TestHub hub;
};

// Whether the nodes may subscribe, from their next attempt on.
inline void LetSubscribe(const redis::RedisServer& server, bool may) {
  EXPECT_TRUE(server
                  .Command({"ACL", "SETUSER", "default",
                            may ? "+subscribe" : "-subscribe"})
                  .ok());
}

// What is published before they stand again nobody hears.
inline void DropSubscriptions(const redis::RedisServer& server) {
  EXPECT_TRUE(server.Command({"CLIENT", "KILL", "TYPE", "pubsub"}).ok());
}

inline std::vector<SseMessage> EventsOf(const Browser& browser) {
  std::vector<SseMessage> events;
  for (const SseMessage& message : browser.stream().messages) {
    if (message.type() != "ping") events.push_back(message);
  }
  return events;
}

// Reads until an action of this id is there.
inline bool ReadAction(Browser* browser, const std::string& id) {
  return browser->ReadUntil([&](const SseStream& stream) {
    for (const SseMessage& message : stream.messages) {
      if (message.data.find("\"id\":\"" + id + "\"") != std::string::npos)
        return true;
    }
    return false;
  });
}

}  // namespace pathcast

#endif  // PATHCAST_TEST_NATIVE_BROKER_HARNESS_H_
