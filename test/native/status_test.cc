#include "core/status.h"

#include <gtest/gtest.h>

#include <memory>

namespace pathcast {
namespace {

TEST(StatusTest, OkByDefault) {
  EXPECT_TRUE(Status().ok());
  EXPECT_TRUE(Status::Ok().ok());
  EXPECT_EQ(Status().ToString(), "ok");
}

TEST(StatusTest, KeepsCodeAndText) {
  const Status status(Code::kInvalid, "id is missing");
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), Code::kInvalid);
  EXPECT_EQ(status.ToString(), "invalid: id is missing");
}

TEST(ResultTest, HoldsAValueThatOnlyMoves) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result.status().ok());
  std::unique_ptr<int> value = std::move(result).value();
  EXPECT_EQ(*value, 7);
}

TEST(ResultTest, HoldsAStatus) {
  const Result<int> result(Status(Code::kIo, "gone"));
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), Code::kIo);
}

}  // namespace
}  // namespace pathcast
