#include "redis/sentinel.h"

#include <cassert>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "redis/subscriber.h"

namespace pathcast::redis {
namespace {

constexpr std::string_view kSwitched = "+switch-master";

std::optional<Endpoint> MadeOf(std::string_view host, std::string_view port) {
  Endpoint endpoint;
  endpoint.host = host;
  const char* end = port.data() + port.size();
  const auto [stop, error] = std::from_chars(port.data(), end, endpoint.port);
  if (host.empty() || error != std::errc() || stop != end) return std::nullopt;
  return endpoint;
}

// "name old-host old-port new-host new-port".
std::optional<Endpoint> SwitchedTo(std::string_view message,
                                   std::string_view master) {
  std::vector<std::string_view> words;
  while (!message.empty()) {
    const size_t end = std::min(message.find(' '), message.size());
    words.push_back(message.substr(0, end));
    message.remove_prefix(std::min(end + 1, message.size()));
  }
  if (words.size() != 5 || words[0] != master) return std::nullopt;
  return MadeOf(words[3], words[4]);
}

}  // namespace

struct Sentinel::State : std::enable_shared_from_this<Sentinel::State> {
  State(SentinelOptions options, OnSwitch on_switch)
      : options(std::move(options)), on_switch(std::move(on_switch)) {
    assert(!this->options.sentinels.empty());
    // Sentinels have no databases, and are no masters.
    this->options.link.introduction.db = 0;
    this->options.link.introduction.require_master = false;
  }

  Status Watch();
  void FindMaster(OnFound on_found);
  void AskNext();
  void OnAskState(Link::State link_state, const Trouble& trouble);
  void OnAnswer(const Reply& reply);
  void Failed(const std::string& why);
  void Found(const Endpoint& endpoint, const Trouble& trouble);

  SentinelOptions options;
  const OnSwitch on_switch;
  // Who waits for the lookup under way.
  std::vector<OnFound> waiting;
  // Into `sentinels`: the one that is asked, and the one that is listened to.
  size_t asked = 0;
  size_t watched = 0;
  // In this lookup.
  size_t tried = 0;
  std::string failures;
  // To the one that is asked; gone in between.
  std::unique_ptr<Link> link;
  std::unique_ptr<Subscriber> watch;
};

Status Sentinel::State::Watch() {
  assert(!watch);
  LinkOptions link_options = options.link;
  // Each attempt goes to the next one.
  link_options.find = [this](const OnFound& found) {
    const Endpoint sentinel = options.sentinels[watched];
    watched = (watched + 1) % options.sentinels.size();
    found(sentinel, Trouble());
  };
  Subscriber::Events events;
  events.on_message = [this](std::string_view, const std::string& message) {
    const auto endpoint = SwitchedTo(message, options.master);
    if (!endpoint) return;
    const auto self = shared_from_this();
    if (on_switch) on_switch(*endpoint);
  };
  watch =
      std::make_unique<Subscriber>(std::move(link_options), std::move(events));
  watch->Subscribe(kSwitched);
  return watch->Open();
}

void Sentinel::State::FindMaster(OnFound on_found) {
  waiting.push_back(std::move(on_found));
  if (waiting.size() > 1) return;
  tried = 0;
  failures.clear();
  AskNext();
}

void Sentinel::State::AskNext() {
  LinkOptions link_options = options.link;
  link_options.find = FindAt(options.sentinels[asked]);
  Link::Events events;
  events.on_state = [this](Link::State link_state, const Trouble& trouble) {
    OnAskState(link_state, trouble);
  };
  // Its predecessor may be the one that is calling: that lives on for the call.
  link = std::make_unique<Link>(std::move(link_options), std::move(events));
  const Status opened = link->Open();
  if (!opened.ok()) Failed(opened.message());
}

void Sentinel::State::OnAskState(Link::State link_state,
                                 const Trouble& trouble) {
  const auto self = shared_from_this();
  if (link_state == Link::State::kReady) {
    link->Send({"SENTINEL", "get-master-addr-by-name", options.master},
               [this](const Reply& reply) {
                 const auto alive = shared_from_this();
                 OnAnswer(reply);
               });
  } else if (link_state == Link::State::kLost) {
    Failed(trouble.text);
  }
}

void Sentinel::State::OnAnswer(const Reply& reply) {
  // The link was lost, which it tells by itself, or this is being destroyed.
  if (!reply.answered()) return;
  const auto& elements = reply.elements();
  if (elements.size() == 2) {
    const auto endpoint = MadeOf(elements[0].text(), elements[1].text());
    if (endpoint) {
      asked = (asked + 1) % options.sentinels.size();
      return Found(*endpoint, Trouble());
    }
  }
  const std::string where = options.sentinels[asked].ToString();
  Failed(reply.error() ? where + ": " + reply.text()
                       : where + ": knows no master '" + options.master + "'");
}

void Sentinel::State::Failed(const std::string& why) {
  if (!failures.empty()) failures += "; ";
  failures += why;
  asked = (asked + 1) % options.sentinels.size();
  if (++tried < options.sentinels.size()) return AskNext();
  Found(Endpoint(), {TroubleKind::kNoMaster, failures});
}

void Sentinel::State::Found(const Endpoint& endpoint, const Trouble& trouble) {
  const auto self = shared_from_this();
  link.reset();
  std::vector<OnFound> found;
  found.swap(waiting);
  for (const OnFound& each : found) each(endpoint, trouble);
}

Sentinel::Sentinel(SentinelOptions options, OnSwitch on_switch)
    : state_(
          std::make_shared<State>(std::move(options), std::move(on_switch))) {}

Sentinel::~Sentinel() {
  state_->waiting.clear();
  state_->link.reset();
  state_->watch.reset();
}

Status Sentinel::Watch() { return state_->Watch(); }

void Sentinel::FindMaster(OnFound on_found) {
  state_->FindMaster(std::move(on_found));
}

Find Sentinel::Finder() {
  return [weak = std::weak_ptr<State>(state_)](OnFound on_found) {
    if (const auto state = weak.lock()) state->FindMaster(std::move(on_found));
  };
}

}  // namespace pathcast::redis
