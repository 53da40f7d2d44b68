// What streams missed while the node was cut off waits until the host has read
// whom the others told to end meanwhile, and has ended them.
//
// Owner: BrokerLog. Thread: hub thread.
//
//   away → shut → asked (all channels stand anew) → open → away (a loss)
#ifndef PATHCAST_BROKER_GATE_H_
#define PATHCAST_BROKER_GATE_H_

#include <cstdint>

namespace pathcast::broker {

class Gate {
 public:
  // Without a host to ask it is always open.
  explicit Gate(bool asks) : state_(asks ? State::kAway : State::kOpen) {}
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // The subscriptions are lost: what is said from now on is missed. What this
  // node itself publishes still reaches its streams.
  void OnLost() {
    if (asks()) state_ = State::kAway;
  }
  // They come back, none of them has been confirmed yet.
  void OnBack() {
    if (asks()) state_ = State::kShut;
  }
  // All are confirmed; the number of the question that is to be asked now, 0:
  // none.
  uint64_t OnStanding() {
    if (state_ != State::kShut) return 0;
    state_ = State::kAsked;
    return ++asked_;
  }
  // True: it has opened. Who answers an older question opens nothing: whatever
  // was said since then it has not read.
  bool OnAnswered(uint64_t number) {
    if (state_ != State::kAsked || number != asked_) return false;
    state_ = State::kOpen;
    return true;
  }

  // Logs may be read.
  bool open() const { return state_ == State::kOpen; }
  // Nothing reaches a stream that was not its already.
  bool shut() const {
    return state_ == State::kShut || state_ == State::kAsked;
  }

 private:
  // kOpen from the beginning: there is nobody to ask, and it stays.
  enum class State : uint8_t { kOpen, kAway, kShut, kAsked };
  bool asks() const { return asked_ > 0 || state_ != State::kOpen; }

  State state_;
  uint64_t asked_ = 0;
};

}  // namespace pathcast::broker

#endif  // PATHCAST_BROKER_GATE_H_
