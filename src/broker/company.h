// What a node knows of one company's log in a broker.
//
// Owner: Companies; answers that are under way hold it too. Thread: hub thread.
#ifndef PATHCAST_BROKER_COMPANY_H_
#define PATHCAST_BROKER_COMPANY_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "broker/owner.h"

namespace pathcast::broker {

// Only what Redis itself said. An epoch that is empty: nothing.
struct Known {
  std::string run;
  std::string epoch;
  uint64_t seq = 0;
  std::string id;
  // When that was placed, by the clock of the Redis that did.
  int64_t at_ms = 0;
};

// An action on its way into the log.
struct Order {
  uint64_t number = 0;
  std::string id;
  // Of the action, never below 0.
  int64_t stamp_ms = 0;
  // For the log; and for the doorbell, empty: the same.
  std::string stored;
  std::string rung = {};
  int64_t sent_us = 0;
  // How often it was sent: from the second time on a duplicate may be its own.
  uint32_t sends = 0;
  // Redis wants to know how old it is.
  bool says_age = false;
  // It stands for several that were conflated.
  bool conflated = false;
  // Of its call; 0: nobody's.
  int64_t posted_us = 0;
  uint64_t call_number = 0;
  // Of a long call: it is offered to the streams when the call's last one of
  // the company is.
  bool held = false;
  // Null: its outcome has been told.
  std::shared_ptr<PublishCall> call = nullptr;
  size_t index = 0;
  uint64_t Bytes() const { return stored.size() + rung.size(); }
  // The whole action.
  const std::string& Whole() const { return rung.empty() ? stored : rung; }
};

// A doorbell that waits for a read.
struct HeldRing {
  std::string payload;
  // How many reads of the company had been sent when it came.
  uint64_t reads = 0;
};

// Who is left alone is looked at again after so long, where somebody asks.
inline constexpr int64_t kLeftAloneMs = 1'000;

struct Company {
  Company(std::string tenant, std::string base)
      : tenant(std::move(tenant)), base(std::move(base)) {}
  Company(const Company&) = delete;
  Company& operator=(const Company&) = delete;

  // What the names of its keys begin with.
  const std::string tenant;
  const std::string base;
  Known known;
  // Not empty: why it is left alone, and since when, or since the last look
  // (steady ms).
  std::string refused = {};
  int64_t refused_ms = 0;
  // Since when nobody could vouch for its head (steady ms); 0: somebody can.
  int64_t unvouched_since_ms = 0;

  // Outbox only. The first `sent` of the orders have been sent; of `open` the
  // answers are missing.
  std::deque<Order> orders;
  size_t sent = 0;
  size_t open = 0;
  uint64_t open_bytes = 0;
  // Something was refused: nothing more is sent before all is answered, so that
  // none passes another.
  bool holding = false;
  // In the line of those that have something to send.
  bool lined = false;
  int64_t rests_until_ms = 0;
  // The connection on which Redis has agreed to what is known; before that one
  // order is on its way at a time.
  uint64_t confirmed = 0;

  // Mirrors only.
  bool watched = false;
  // Its doorbell stands on the present connection.
  bool standing = false;
  // The mirror is at a place of the log.
  bool read = false;
  bool reading = false;
  // To be read (again) once that can be.
  bool wants_read = false;
  bool read_lined = false;
  // For a verdict, though its doorbell may not stand.
  bool asked = false;
  // The read heals a gap.
  bool gap = false;
  int64_t read_again_ms = 0;
  // When a message that is not to be read last made it look (steady ms).
  int64_t odd_ms = 0;
  // Among those that wait for a time.
  bool waits = false;
  // What is read next is another log than the mirror's, as far as is known: all
  // of it. REQUIRES: not read.
  bool whole = false;
  uint64_t reads = 0;
  std::deque<HeldRing> held;
  uint64_t held_bytes = 0;
  bool held_overflow = false;
  // A place that Redis has given, and since when it is waited for; 0: none.
  uint64_t expected_seq = 0;
  int64_t expected_since_ms = 0;
  int64_t idle_since_ms = 0;

  // Companies only: its place among those that nobody needs.
  bool spare = false;
  std::list<Company*>::iterator spare_place = {};
  void LeaveAlone(std::string why, int64_t now_ms) {
    refused = std::move(why);
    refused_ms = now_ms;
  }
  bool Needed() const { return watched || reading || !orders.empty(); }
};

}  // namespace pathcast::broker

#endif  // PATHCAST_BROKER_COMPANY_H_
