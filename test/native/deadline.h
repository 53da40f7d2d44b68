// How long a test waits for something that will surely come.
#ifndef PATHCAST_TEST_NATIVE_DEADLINE_H_
#define PATHCAST_TEST_NATIVE_DEADLINE_H_

#include <chrono>
#include <cstdlib>

namespace pathcast {

// Reached only when something is broken. A slip of test/mutants breaks things
// on purpose, and need not be waited for so long.
inline const std::chrono::seconds kDeadline{
    std::getenv("PATHCAST_TEST_DEADLINE_S") != nullptr
        ? std::atoi(std::getenv("PATHCAST_TEST_DEADLINE_S"))
        : 60};

}  // namespace pathcast

#endif  // PATHCAST_TEST_NATIVE_DEADLINE_H_
